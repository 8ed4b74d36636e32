"""The classifier: segmentation, features, cross-fitting, evaluation, and labelling a corpus."""
