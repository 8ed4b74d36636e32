"""The report: pictures, the page, and the workbook."""
