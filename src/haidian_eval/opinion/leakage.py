"""Near-duplicates: texts that stand on both sides of a split let a classifier remember, not read.

Exact: equal letters and figures once punctuation, blanks and width are gone. Near: the sets of
character pairs have a Jaccard similarity of at least the threshold. All such pairs are found, not
most: a pair above the threshold must share one of the rarest runs of either text (prefix filter,
Chaudhuri et al. 2006; Bayardo et al. 2007), so that few pairs need be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from haidian_eval.opinion.features import count, key

AT_ONCE = 200_000  # pairs that are compared together
NEAR = 0.6


@dataclass(frozen=True, slots=True)
class Overlap:
    """Which test texts stand in a training set as well.

    pairs: test, train (places), similarity (of one), kind ("exact" | "near"); the most similar
    training text of each test text that has one. n: test texts.
    """

    pairs: pd.DataFrame
    n: int

    @property
    def share(self) -> float:
        """Share of test texts that a training set gives away."""
        return len(self.pairs) / self.n if self.n else 0.0


def overlap(train: Sequence[str], test: Sequence[str], *, near: float = NEAR) -> Overlap:
    """Return the test texts that have an equal or nearly equal one among the training texts."""
    found = similar(test, train, near=near).rename(columns={"first": "test", "second": "train"})
    best = found.sort_values(["test", "similarity", "train"], ascending=[True, False, True])
    return Overlap(best.drop_duplicates("test").reset_index(drop=True), len(test))


def similar(
    texts: Sequence[str], others: Sequence[str] | None = None, *, near: float = NEAR
) -> pd.DataFrame:
    """Return the pairs first, second, similarity, kind of texts and others, or of texts alone."""
    here, own = pd.Series([key(text) for text in texts], dtype=object), others is None
    there = here if others is None else pd.Series([key(text) for text in others], dtype=object)
    left, right = here.drop_duplicates(), there.drop_duplicates()
    equal = same(left if own else here, there if own else right, own=own)
    keys = left.tolist() if own else [*left, *right]
    pairs = near_pairs(keys, len(left), near, own)
    first, second = left.index[pairs["first"]], right.index[pairs["second"]]
    found = pairs.assign(key=left[first].to_numpy(), second=second)
    found = found[found["key"].to_numpy() != right[second].to_numpy()]
    copies = pd.DataFrame({"key": left if own else here}).reset_index(names="first")
    every = copies.merge(found.drop(columns="first"), on="key").drop(columns="key")
    return pd.concat([equal, every], ignore_index=True)


def same(here: pd.Series, there: pd.Series, *, own: bool) -> pd.DataFrame:
    """Return the pairs of equal keys; among one list each copy beside the first."""
    left, right = (
        one[one != ""].rename("key").rename_axis(name).reset_index()
        for one, name in ((here, "first"), (there, "second"))
    )
    pairs = left.merge(right, on="key")
    kept = pairs[(pairs["first"] < pairs["second"]) | (not own)]
    return kept[["first", "second"]].assign(similarity=1.0, kind="exact")


def near_pairs(keys: list[str], here: int, near: float, own: bool) -> pd.DataFrame:
    """Return the pairs of keys, all different, whose character pairs are as similar as asked.

    Beyond the rare runs that they share, two texts share at most what is left of the longer rest;
    pairs that cannot reach the similarity so are not compared (Xiao et al. 2008).
    """
    sets = by_rarity(keys)
    size = np.diff(sets.indptr)
    place = np.arange(sets.nnz) - np.repeat(sets.indptr[:-1], size)
    rest = np.maximum(np.ceil(near * size - 1e-9) - 1, 0)
    rare = place < np.repeat(size - rest, size)
    prefix = sparse.csr_array(
        (np.ones(rare.sum()), (np.repeat(np.arange(len(keys)), size)[rare], sets.indices[rare])),
        shape=sets.shape,
    )
    left, right = (prefix, prefix) if own else (prefix[:here], prefix[here:])
    found = (left @ right.T).tocoo()
    first, second = found.row, found.col + (0 if own else here)
    wanted = near / (1 + near) * (size[first] + size[second])  # so many shared make it similar
    reach = found.data + np.maximum(rest[first], rest[second])
    kept = (first < second) & (reach >= wanted - 1e-9)
    pairs = measured(sets, size, first[kept], second[kept], near)
    return pairs.assign(second=pairs["second"] - (0 if own else here))


def measured(
    sets: sparse.csr_array, size: np.ndarray, first: np.ndarray, second: np.ndarray,
    near: float,
) -> pd.DataFrame:  # fmt: skip
    """Return the candidates that are as similar as asked, with their similarity."""
    possible = near * np.maximum(size[first], size[second]) <= np.minimum(size[first], size[second])
    first, second = first[possible], second[possible]
    shared = np.zeros(len(first))
    for start in range(0, len(first), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        shared[part] = sets[first[part]].multiply(sets[second[part]]).sum(axis=1)
    jaccard = shared / np.maximum(size[first] + size[second] - shared, 1)
    kept = jaccard >= near - 1e-9
    return pd.DataFrame({"first": first[kept], "second": second[kept],
                         "similarity": jaccard[kept], "kind": "near"})  # fmt: skip


def by_rarity(keys: list[str]) -> sparse.csr_array:
    """Return texts x character pairs, which text has which, the rarest pairs first."""
    found, _ = count(keys, (2,))
    found.data[:] = 1.0
    order = np.argsort(np.bincount(found.indices, minlength=found.shape[1]), kind="stable")
    ordered = found[:, order].tocsr()
    ordered.sort_indices()
    return ordered


def grouped(texts: Sequence[str], documents: Sequence[object], *, near: float = NEAR) -> np.ndarray:
    """Return a group for each text: of one document, or near-duplicates, or linked by such."""
    from scipy.sparse.csgraph import connected_components

    pairs, n = similar(texts, near=near), len(texts)
    first = pd.factorize(pd.Series(list(documents), dtype=object))[0]
    head = pd.Series(np.arange(n)).groupby(first).transform("first").to_numpy()
    rows = np.concatenate([pairs["first"], np.arange(n)]).astype(int)
    columns = np.concatenate([pairs["second"], head]).astype(int)
    links = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    return connected_components(links, directed=False)[1]


def repeated(texts: Sequence[str], *, near: float = NEAR) -> pd.DataFrame:
    """Return the texts that have an equal or nearly equal one before them: text, of, kind."""
    found = similar(texts, near=near).sort_values(["second", "kind", "first"], kind="stable")
    own = found.drop_duplicates("second")
    return own.rename(columns={"second": "text", "first": "of"})[
        ["text", "of", "similarity", "kind"]
    ].reset_index(drop=True)
