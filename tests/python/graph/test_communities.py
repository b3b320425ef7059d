"""Communities: planted groups found, the modularity that networkx reaches, one answer for one seed."""

import os
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
from oracles import random_cross, random_gram

import covlasso
from covlasso.datasets import load_imagenet_lite
from covlasso.graph import communities, symmetrise
from covlasso.graph.communities import louvain, tied


@pytest.fixture
def between():
    return covlasso.solve(*random_cross(9, 14, seed=3), terms=3, exclude=None)


def test_communities_are_the_planted_groups():
    rng = np.random.default_rng(4)
    common = rng.standard_normal((3000, 3))
    group = np.array([0] * 8 + [1] * 6 + [2] * 4)
    logits = 2.0 * common[:, group] + rng.standard_normal((3000, 18))
    gram = np.vstack([np.hstack([logits, rng.standard_normal((3000, 1))]).T])
    deps = covlasso.solve(gram @ gram.T / 3000, lam=0.5)
    found = communities(deps)
    assert found == [list(range(8)), list(range(8, 14)), list(range(14, 18)), [18]]
    assert communities(deps, seed=1) == found
    assert communities(deps, "and") == found


def test_equal_seeds_give_equal_communities_in_every_process():
    """Nodes between two networks hold text, whose hashes differ from process to process."""
    script = (
        "import numpy as np, covlasso\n"
        "rng = np.random.default_rng(0)\n"
        "logits = rng.standard_normal((400, 60)) @ rng.standard_normal((60, 60))\n"
        "gram = logits.T @ logits / 400\n"
        "for given in ((gram,), (gram, gram, gram.diagonal())):\n"
        "    print(covlasso.graph.communities(covlasso.solve(*given, terms=5), seed=3))\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for hash_seed in ("1", "2", "3")
    }
    assert len(answers) == 1
    assert "target" in answers.pop()


def test_communities_between_two_networks_hold_both(between):
    found = communities(between)
    assert sorted(node for group in found for node in group) == sorted(between.to_networkx())
    assert found == communities(between)
    with pytest.raises(ValueError, match="resolution is -1"):
        communities(between, resolution=-1)


def sized(deps, rule):
    """The graph of `symmetrise` with the sizes of the weights."""
    graph = symmetrise(deps, rule)
    for _, _, edge in graph.edges(data=True):
        edge["size"] = abs(edge["weight"])
    return graph


def test_ties_are_the_graph_that_symmetrise_gives(between):
    within = covlasso.solve(random_gram(30, 12, seed=5), terms=4, targets=[3, 8, 1, 20])
    for deps, rule in ((within, "or"), (within, "and"), (between, "or")):
        ties, graph = tied(deps, rule), sized(deps, rule)
        assert sorted(ties.nodes) == sorted(graph)
        np.testing.assert_array_equal(
            ties.weights.toarray(), nx.to_numpy_array(graph, nodelist=ties.nodes, weight="size")
        )
        role = (lambda i: i) if deps.intra else (lambda i: ("target", i))
        assert [ties.nodes[row] for row in ties.target] == [role(i) for i in deps.targets.tolist()]


def test_the_modularity_is_that_of_networkx():
    deps = covlasso.solve_moments(load_imagenet_lite().fit, target="lite0", source="lite0", terms=10)
    for rule, resolution in (("or", 1.0), ("and", 3.0)):
        graph = sized(deps, rule)

        def quality(groups, graph=graph, resolution=resolution):
            return nx.community.modularity(graph, groups, weight="size", resolution=resolution)

        theirs = nx.community.louvain_communities(graph, weight="size", resolution=resolution, seed=0)
        ours = communities(deps, rule, resolution=resolution)
        assert quality(ours) > 0.98 * quality(theirs)
        # No category gains by moving to another community: what the last round promises.
        member = {node: group for group in ours for node in group}
        for node in list(graph)[::250]:
            for other in {id(member[near]): member[near] for near in graph[node]}.values():
                moved = [
                    [*group, node] if group is other else [i for i in group if i != node] for group in ours
                ]
                if other is not member[node]:
                    assert quality([group for group in moved if group]) <= quality(ours) + 1e-9


def test_nodes_without_ties_are_alone():
    weights = tied(covlasso.solve(random_gram(6, 6, seed=1), lam=1e9)).weights
    assert louvain(weights).tolist() == list(range(6))
