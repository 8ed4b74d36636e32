"""From texts to numbers: a space of words learned without codes, and named surface cues."""

import re
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from stagemix.learn.segment import TEXT_LIMIT, words

Floats = NDArray[np.float64]

# What the default codebook's rules name: ways to act, to answer, to apply, and their dressing.
CUES = {
    "phone": r"\d{3,4}-?\d{7,8}|1\d{10}|12\d{3}",
    "entry": r"https?:|www\.|链接|网址|网站|官网|小程序|二维码|扫码|扫一扫|阅读原文|公众号|APP|App",
    "question": r"[?？]",
    "exclamation": r"[!！]",
    "call to take part": r"报名|投票|留言|参与|征集|竞答|答题|投稿|评论|转发|抽奖|有奖|话题|举报|招募",
    "way to get done": r"办理|预约|查询|申请|申报|缴费|领取|材料|流程|步骤|窗口|登录|点击|携带|身份证|咨询",
    "date": r"\d{1,2}[:：]\d{2}|\d+月\d+日|上午|下午",
    "place": r"地址|地点|路线|车站|号楼",
    "answer": r"@|答复|回复|网友|来信|您好|投诉",
    "partner": r"银行|支付宝|微信支付|合作|联合|携手",
    "steps": r"(?m)^\s*(?:第?[一二三四五六七八九十\d]+[、.．步]|[①②③④⑤])",
    "digit": r"\d",
}


class SurfaceCues(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Count the named cues in each text: log count, rate per 100 characters, whether any.

    Takes a sequence of n texts, gives an (n, 3 * len(CUES) + 1) array; the last column is the
    log of the length.
    """

    def fit(self, X: object, y: object = None) -> Self:  # noqa: ARG002
        """Learn nothing; the patterns are fixed."""
        self.patterns_ = list(CUES.values())
        return self

    def transform(self, X: list[str]) -> Floats:
        """Count the cues of each text."""
        texts = [text[:TEXT_LIMIT] for text in X]
        patterns = [re.compile(pattern) for pattern in self.patterns_]
        counts = np.array([[len(p.findall(t)) for p in patterns] for t in texts], dtype=np.float64)
        length = np.array([len(text) for text in texts], dtype=np.float64).reshape(-1, 1)
        counts = counts.reshape(len(texts), len(patterns))
        rate = 100 * counts / (length + 50)
        return np.hstack([np.log1p(counts), rate, counts > 0, np.log1p(length)])


class WordSpace(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Latent semantic analysis of words: TF-IDF (log counts), truncated SVD, unit length.

    `fit` takes texts of the corpus, coded or not; `transform` gives an (n, dimensions) array.
    """

    def __init__(self, *, dimensions: int = 200, seed: int = 0) -> None:
        self.dimensions = dimensions
        self.seed = seed

    def fit(self, X: list[str], y: object = None) -> Self:  # noqa: ARG002
        """Learn the vocabulary, its weights and the space from texts."""
        smallest = 3 if len(X) >= 200 else 1
        self.words_ = TfidfVectorizer(analyzer=words, sublinear_tf=True, min_df=smallest)
        counted = self.words_.fit_transform(X)
        dimensions = max(1, min(self.dimensions, min(counted.shape) - 1))
        svd = TruncatedSVD(dimensions, n_iter=4, random_state=self.seed)
        self.space_: Pipeline = make_pipeline(svd, Normalizer())
        self.space_.fit(counted)
        return self

    def transform(self, X: list[str]) -> Floats:
        """Place texts in the space."""
        placed: Floats = self.space_.transform(self.words_.transform(X))
        return placed


def features(*, seed: int) -> FeatureUnion:
    """Build the transformer from texts to an (n, about 240) array; cues weigh a twentieth."""
    cues = make_pipeline(SurfaceCues(), StandardScaler())
    return FeatureUnion(
        [("words", WordSpace(seed=seed)), ("cues", cues)], transformer_weights={"cues": 0.05}
    )
