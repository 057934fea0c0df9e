import numpy as np
import pytest

from algorithms.errors import DataError
from algorithms.graphbean.graph import PARTS, BipartiteGraph, Parts
from algorithms.graphbean.injection import inject_anomalies
from algorithms.graphbean.params import InjectionParams

FULL, PARTIAL = (1, 0), (0, 1)
OUTSIDE, NOISE, UNCHANGED = (1, 0, 0), (0, 1, 0), (0, 0, 1)
NODES, EDGES, BOTH = (1, 0, 0), (0, 1, 0), (0, 0, 1)
U, V = 200, 60


@pytest.fixture
def graph():
    rng = np.random.default_rng(0)
    keys = rng.choice(U * V, 500, replace=False)
    x = Parts(*(rng.normal(5, 2, size=(size, width)) for size, width in ((U, 4), (V, 3), (500, 5))))
    return BipartiteGraph(np.stack(np.divmod(keys, V)), x)


def params(block=FULL, kind=UNCHANGED, target=BOTH, groups=1, u=(3, 3), v=(2, 2)):
    return InjectionParams(
        num_group=groups,
        num_nodes_range=u,
        num_nodes_range2=v,
        block_weights=block,
        feature_weights=kind,
        target_weights=target,
    )


def changed(graph, injected):
    """Return the rows of each part that are not as they were; of a planted edge, whether it is like no edge was."""
    known = {row.tobytes() for row in graph.x.e}
    edges = [row.tobytes() not in known for row in injected.graph.x.e]
    u, v = ((after != before).any(axis=1) for before, after in zip(graph.x[:2], injected.graph.x[:2], strict=True))
    return Parts(u, v, np.array(edges))


def test_a_full_block_is_complete_and_its_labels_are_those_of_its_nodes_and_edges(graph):
    injected = inject_anomalies(graph, params(), seed=1)
    u, v, e = (np.flatnonzero(labels) for labels in injected.labels)
    assert (len(u), len(v), len(e)) == (3, 2, 6)
    block = {(a, b) for a in u.tolist() for b in v.tolist()}
    assert {tuple(pair) for pair in injected.graph.edge_index.T[e].tolist()} == block
    known = {tuple(pair) for pair in graph.edge_index.T.tolist()}
    assert injected.graph.edges == 500 + len(block - known)


def test_a_block_of_all_nodes_makes_the_graph_complete_and_labels_the_edges_that_were_there():
    graph = BipartiteGraph(
        np.array([[0, 1], [1, 0]]), Parts(np.ones((3, 1)), np.ones((2, 1)), np.array([[7.0], [8.0]]))
    )
    injected = inject_anomalies(graph, params(), seed=0)
    assert injected.graph.edge_index.T.tolist() == [[0, 1], [1, 0], [0, 0], [1, 1], [2, 0], [2, 1]]
    assert injected.origin.tolist() == [0, 1, -1, -1, -1, -1]
    assert [labels.tolist() for labels in injected.labels] == [[1, 1, 1], [1, 1], [1] * 6]
    assert injected.graph.x.e[:2].tolist() == [[7.0], [8.0]]
    assert set(injected.graph.x.e[2:, 0].tolist()) <= {7.0, 8.0}


def test_an_edge_of_the_input_inside_a_block_changes_too(graph):
    complete = inject_anomalies(graph, params(groups=40, kind=NOISE, target=EDGES), seed=3)
    inside = (complete.labels.e == 1) & (complete.origin >= 0)
    assert inside.any()
    assert (complete.graph.x.e[inside] != graph.x.e[complete.origin[inside]]).all()


def test_the_edges_of_the_input_keep_their_order(graph):
    injected = inject_anomalies(graph, params(groups=5), seed=1)
    assert (injected.origin == [*range(500), *[-1] * (injected.graph.edges - 500)]).all()
    assert (injected.graph.edge_index[:, :500] == graph.edge_index).all()


def test_only_a_share_of_a_partial_block_is_connected_and_unconnected_nodes_do_not_belong(graph):
    shares = []
    for seed in range(40):
        injected = inject_anomalies(graph, params(PARTIAL, u=(10, 10), v=(5, 5)), seed)
        pairs = injected.graph.edge_index[:, injected.labels.e == 1]
        shares.append(pairs.shape[1] / 50)
        for ends, labels in zip(pairs, injected.labels[:2], strict=True):
            assert np.flatnonzero(labels).tolist() == np.unique(ends).tolist()
    assert min(shares) >= 0.2
    assert max(shares) <= 1
    assert np.mean(shares) == pytest.approx(0.5, abs=0.12)


def test_the_input_is_not_changed(graph):
    before = [graph.edge_index.copy(), *(part.copy() for part in graph.x)]
    inject_anomalies(graph, params(kind=NOISE, groups=20), seed=1)
    assert all((now == then).all() for now, then in zip([graph.edge_index, *graph.x], before, strict=True))


def test_a_seed_repeats_exactly_and_another_gives_another_graph(graph):
    first, again, other = (inject_anomalies(graph, params(kind=NOISE, groups=3), seed) for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first.graph.x, again.graph.x, strict=True))
    assert (first.graph.edge_index == again.graph.edge_index).all()
    assert (first.labels.u != other.labels.u).any()


def test_the_seed_of_the_parameters_goes_first(graph):
    given = params(groups=3).model_copy(update={"seed": 1})
    assert (inject_anomalies(graph, given, 2).labels.u == inject_anomalies(graph, params(groups=3), 1).labels.u).all()


@pytest.mark.parametrize("kind", [OUTSIDE, NOISE])
@pytest.mark.parametrize(("target", "parts"), [(NODES, "uv"), (EDGES, "e"), (BOTH, "uve")])
def test_only_the_attributes_of_the_target_change_and_only_those_of_anomalies(graph, kind, target, parts):
    injected = inject_anomalies(graph, params(kind=kind, target=target, groups=4), seed=5)
    for part, labels, rows in zip(PARTS, injected.labels, changed(graph, injected), strict=True):
        assert rows.tolist() == ((labels == 1) & (part in parts)).tolist()


def test_without_a_kind_no_attribute_changes(graph):
    injected = inject_anomalies(graph, params(kind=UNCHANGED, groups=4), seed=5)
    assert not any(rows.any() for rows in changed(graph, injected))


def test_attributes_outside_lie_beyond_two_deviations_on_both_sides_and_are_a_share(graph):
    mean, deviation = graph.x.u.mean(axis=0), graph.x.u.std(axis=0)
    distances, counts = [], []
    for seed in range(30):
        injected = inject_anomalies(graph, params(kind=OUTSIDE, target=NODES), seed)
        anomalies = injected.labels.u == 1
        moved = injected.graph.x.u[anomalies] != graph.x.u[anomalies]
        distances += ((injected.graph.x.u - mean) / deviation)[anomalies][moved].tolist()
        counts += moved.sum(axis=1).tolist()
    assert np.abs(distances).min() >= 2
    assert {np.sign(distance) for distance in distances} == {-1, 1}
    assert set(counts) <= {1, 2, 3, 4}
    assert np.mean(counts) == pytest.approx(1.7, abs=0.4)


def test_noise_is_a_few_deviations_large(graph):
    injected = inject_anomalies(graph, params(kind=NOISE, target=NODES, u=(100, 100)), seed=0)
    anomalies = injected.labels.u == 1
    noise = (injected.graph.x.u - graph.x.u)[anomalies] / graph.x.u.std(axis=0)
    assert noise.mean() == pytest.approx(0, abs=0.7)
    assert 1.9 < noise.std() < 6


def test_an_attribute_that_does_not_vary_stays():
    x = Parts(np.ones((4, 2)), np.ones((4, 2)), np.array([[1.0, 2.0], [1.0, 3.0]]))
    graph = BipartiteGraph(np.array([[0, 1], [0, 1]]), x)
    for kind in (OUTSIDE, NOISE):
        injected = inject_anomalies(graph, params(kind=kind), seed=0)
        assert (injected.graph.x.u == 1).all()
        assert (injected.graph.x.e[:, 0] == 1).all()
        assert (injected.graph.x.e[injected.labels.e == 1, 1] % 1 != 0).all()


def test_numbers_near_the_largest_float_stay_finite(graph):
    x_u = graph.x.u.copy()
    x_u[:, 0] *= 1e307
    huge = BipartiteGraph(graph.edge_index, graph.x._replace(u=x_u))
    for kind in (OUTSIDE, NOISE):
        injected = inject_anomalies(huge, params(kind=kind, u=(50, 50)), seed=0)
        assert (injected.graph.x.u[:, 0] == x_u[:, 0]).all()


def test_group_sizes_stay_in_their_range(graph):
    for seed in range(20):
        labels = inject_anomalies(graph, params(u=(2, 6), v=(1, 3)), seed).labels
        assert 2 <= labels.u.sum() <= 6
        assert 1 <= labels.v.sum() <= 3


def test_float32_stays_float32(graph):
    narrow = BipartiteGraph(graph.edge_index, graph.x.map(lambda x: x.astype(np.float32)))
    assert {part.dtype for part in inject_anomalies(narrow, params(kind=OUTSIDE), 0).graph.x} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("ranges", "field", "why"),
    [
        ({"u": (1, 201)}, "num_nodes_range", "up to 201 u nodes, but the graph has 200: set .* at most 200"),
        ({"v": (61, 70)}, "num_nodes_range2", "up to 70 v nodes, but the graph has 60: set .* at most 60"),
    ],
)
def test_groups_larger_than_the_graph_are_refused(graph, ranges, field, why):
    with pytest.raises(DataError, match=f"inject_anomalies: {field}: .*{why}") as failure:
        inject_anomalies(graph, params(**ranges), seed=0)
    assert failure.value.errors.keys() == {field}


def test_the_range_of_u_is_that_of_v_too_unless_given(graph):
    alone = InjectionParams(num_nodes_range=(1, 100))
    with pytest.raises(DataError, match="num_nodes_range2"):
        inject_anomalies(graph, alone, seed=0)
