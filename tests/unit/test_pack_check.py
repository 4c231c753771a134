"""A network from elsewhere is looked through before anything runs it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.errors import DamagedPack
from scened.models.pack import NETWORK_NAME, Pack, default_pack_folder, open_pack
from scened.models.pack_check import MAXIMUM_NODES, _model_class, check_network
from tests.photos import SHARED, needs_shared

PACK = open_pack(default_pack_folder())


def checked(folder: Path, network: bytes) -> bytes:
    """Check a network whose digest is as its manifest promises."""
    (folder / NETWORK_NAME).write_bytes(network)
    files = {NETWORK_NAME: hashlib.sha256(network).hexdigest()}
    return check_network(folder / NETWORK_NAME, msgspec.structs.replace(PACK.manifest, files=files))


def model(operator: bytes = b"Add", domain: bytes = b"", nodes: int = 1) -> bytes:
    made = _model_class()()
    for _ in range(nodes):
        made.graph.node.add(op_type=operator, domain=domain)
    return bytes(made.SerializeToString())


def changed(where: str, **values: object) -> bytes:
    """Return a small sound network with one thing in it that is not."""
    made = _model_class()()
    node = made.graph.node.add(op_type=b"Add")
    if where == "model":
        made.functions.append(b"")
    elif where == "graph":
        made.graph.sparse_initializer.append(b"")
    elif where == "attribute":
        node.attribute.add(**values)
    else:
        made.graph.initializer.add(**values)
    return bytes(made.SerializeToString())


@pytest.fixture
def shipped() -> Pack:
    return PACK


def test_the_shipped_network_is_harmless_and_given_back(shipped: Pack) -> None:
    network = check_network(shipped.folder / NETWORK_NAME, shipped.manifest)
    assert network == shipped.read(NETWORK_NAME)


def test_another_file_than_the_manifest_names_is_refused(tmp_path: Path, shipped: Pack) -> None:
    (tmp_path / NETWORK_NAME).write_bytes(model())
    with pytest.raises(DamagedPack, match="is damaged"):
        check_network(tmp_path / NETWORK_NAME, shipped.manifest)


def test_allowed_operators_pass(tmp_path: Path) -> None:
    assert checked(tmp_path, model())


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (model(b"Loop"), "'Loop', which is not allowed"),
        (model(b"If"), "'If', which is not allowed"),
        (model(b"\xff\xfe"), "is not allowed"),
        (model(b"Add", b"com.microsoft"), "of 'com.microsoft'"),
        (model(nodes=MAXIMUM_NODES + 1), "4,001 nodes"),
        (model(nodes=0), "no nodes"),
        (changed("model"), "operators of its own"),
        (changed("graph"), "sparse constants"),
        (changed("attribute", graph=b"x"), "hides a graph"),
        (changed("attribute", graphs=[b"x"]), "hides a graph"),
        (changed("attribute", tensor={"data_location": 1}), "another file"),
        (changed("tensor", data_location=1), "another file"),
        (changed("tensor", external_data=[b"x"]), "another file"),
        (changed("tensor", dims=[1 << 20, 1 << 20]), "too large"),
        (changed("tensor", dims=[-1]), "too large"),
        (b"", "no nodes"),
        (b"\x08\x08" * 100 + b"\xff", "no ONNX file"),
    ],
)
@pytest.mark.promise(
    "pack: operators, graphs, sizes or external data that are not allowed",
    "refused before it runs",
)
def test_what_a_network_may_not_do_is_refused(tmp_path: Path, network: bytes, reason: str) -> None:
    with pytest.raises(DamagedPack, match=reason):
        checked(tmp_path, network)


@needs_shared
def test_a_network_of_other_people_passes_where_it_is_plain(tmp_path: Path) -> None:
    assert checked(tmp_path, (SHARED / "teachers/yunet_n_dynamic.onnx").read_bytes())


@given(st.binary(max_size=300))
@pytest.mark.promise(
    "pack: any bytes as a network",
    "refused in words",
)
def test_any_bytes_are_answered(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    try:
        checked(tmp_path_factory.getbasetemp(), raw)
    except DamagedPack as refusal:
        assert refusal.message.startswith("the network of the pack")
