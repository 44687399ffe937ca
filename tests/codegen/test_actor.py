"""Actor files: exact round trips, and an error that tells for every kind of damage."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from safetensors.numpy import save

from ganglion.codegen.actor import ActorError, digest, read_actor, write_actor
from ganglion.codegen.policy import PolicyError
from tests.support.strategies import policies

ABOUT = {
    "algorithm": "sac",
    "sparsity": {"nominal": 0.9, "weights": 4992, "nonzeros": 499},
    "provenance": {"seed": 0, "steps": 1, "commit": "abc", "versions": {}, "protocol": {}},
    "returns": {"float": {"mean": 1.0, "std": 0.0, "episodes": 1, "first_seed": 0}},
}


@pytest.fixture
def actor_file(tmp_path, hopper_like):
    path = tmp_path / "hopper.safetensors"
    write_actor(path, hopper_like, ABOUT)
    return path


def _parts(path):
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    types = {"I8": np.int8, "I16": np.int16, "I32": np.int32, "F32": np.float32}
    description = json.loads(header.pop("__metadata__")["ganglion"])
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        data = raw[8 + length + first : 8 + length + last]
        tensors[name] = np.frombuffer(data, types[entry["dtype"]]).reshape(entry["shape"]).copy()
    return description, tensors


def _rewrite(path, description, tensors):
    path.write_bytes(save(tensors, metadata={"ganglion": json.dumps(description)}))


@settings(max_examples=40, deadline=None)
@given(policies())
def test_round_trip_is_exact(tmp_path_factory, policy):
    path = tmp_path_factory.mktemp("actor") / "a.safetensors"
    written, read = write_actor(path, policy, ABOUT), read_actor(path)
    assert read.about == written.about == ABOUT
    assert read.policy.digest == policy.digest == digest(read.policy)
    assert read.policy.env_id == policy.env_id and read.policy.head.kind == policy.head.kind
    for a, b in zip(policy.layers, read.policy.layers, strict=True):
        for name in ("weights", "bias", "weight_exponents"):
            assert np.array_equal(getattr(a, name), getattr(b, name))
        assert a.weights.dtype == b.weights.dtype
        assert (a.input_exponent, a.output_exponent, a.output_bits, a.relu) == (
            b.input_exponent, b.output_exponent, b.output_bits, b.relu,
        )  # fmt: skip
    assert np.array_equal(policy.observation.gain, read.policy.observation.gain)


def test_same_actor_same_bytes(tmp_path, hopper_like):
    for name in ("a", "b"):
        write_actor(tmp_path / name, hopper_like, ABOUT)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("share", [0, 4, 100, 2000, -1])
def test_a_truncated_file(actor_file, share):
    actor_file.write_bytes(actor_file.read_bytes()[:share])
    with pytest.raises(ActorError, match=r"not a whole safetensors file.*again"):
        read_actor(actor_file)


def test_a_missing_file_and_a_foreign_one(tmp_path):
    with pytest.raises(ActorError, match="no such actor file"):
        read_actor(tmp_path / "none")
    (tmp_path / "other").write_bytes(save({"x": np.zeros(1)}))
    with pytest.raises(ActorError, match="not an actor"):
        read_actor(tmp_path / "other")
    (tmp_path / "list").write_bytes(save({"x": np.zeros(1)}, metadata={"ganglion": "[]"}))
    with pytest.raises(ActorError, match="not a JSON object"):
        read_actor(tmp_path / "list")
    (tmp_path / "text").write_bytes(save({"x": np.zeros(1)}, metadata={"ganglion": "{"}))
    with pytest.raises(ActorError, match="not JSON"):
        read_actor(tmp_path / "text")


DAMAGE = {
    "another version": (lambda d, t: d.update(format_version=2), "actor format 2; this version reads 1"),
    "no digest": (lambda d, t: d.pop("digest"), "'digest' is a required property"),
    "an unknown field": (lambda d, t: d.update(extra=1), "'extra' was unexpected"),
    "another digest": (lambda d, t: d.update(digest="0" * 64), "the digest in the file is 000000000000"),
    "a changed weight": (lambda d, t: t["layers.1.weights"].__setitem__((0, 0), 99), "changed after it was written"),
    "a changed environment": (lambda d, t: d.update(env_id="Ant-v4"), "changed after it was written"),
    "a NaN gain": (lambda d, t: t["observation.gain"].__setitem__(2, np.nan), "gain of feature 2 is not finite"),
    "an infinite offset": (lambda d, t: t["observation.offset"].__setitem__(0, np.inf), "feature 0 is not finite"),
    "a NaN action gain": (lambda d, t: t["action.gain"].__setitem__(0, np.nan), "action gain is not finite"),
    "a wrong shape": (lambda d, t: t.update({"layers.0.weights": np.zeros((3, 3), np.int8)}), r"\[3, 3\].*\[64, 11\]"),
    "a wrong bias": (lambda d, t: t.update({"layers.0.bias": np.zeros(3, np.int32)}), r"layer 0: bias is int32\[3\]"),
    "wrong features": (lambda d, t: d["observation"].update(features=3), "3 features"),
    "an exponent": (lambda d, t: d["layers"][1].update(input_exponent=5), "input exponent is 5, but"),
    "a head exponent": (lambda d, t: d["layers"][2].update(output_exponent=3), "exponent is 3; allowed: -12 to -4"),
    "a shift": (lambda d, t: t["layers.0.weight_exponents"].__setitem__(1, 100), "row 1 is shifted right by -"),
    "wide exponents": (
        lambda d, t: t.update({"layers.0.weight_exponents": np.zeros(64, np.float32)}), "exponents are float32; int8",
    ),
    "float weights": (lambda d, t: t.update({"layers.0.weights": np.zeros((64, 11), np.float32)}), "int8 or int16"),
    "a missing tensor": (lambda d, t: t.pop("layers.2.bias"), "'layers.2.bias' is missing"),
    "a spare tensor": (lambda d, t: t.update({"layers.3.bias": np.zeros(1, np.int32)}), "'layers.3.bias' is not part"),
    "a layer kind": (lambda d, t: d["layers"][0].update(kind="lstm"), r"\$.layers\[0\].kind"),
    "an activation": (lambda d, t: d["layers"][2].update(activation="relu"), "layer 2: hidden layers end in ReLU"),
    "observation bits": (lambda d, t: d["observation"].update(bits=12), r"\$.observation.bits"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_told(actor_file, kind):
    change, message = DAMAGE[kind]
    description, tensors = _parts(actor_file)
    change(description, tensors)
    _rewrite(actor_file, description, tensors)
    with pytest.raises(ActorError, match=message) as caught:
        read_actor(actor_file)
    assert str(actor_file) in str(caught.value)


def test_writing_refuses_and_leaves_the_old_file(actor_file, hopper_like):
    before = actor_file.read_bytes()
    bad = replace(hopper_like, observation=replace(hopper_like.observation, bits=9))
    with pytest.raises(PolicyError, match="observation has 9 bits; allowed: 8, 16"):
        write_actor(actor_file, bad, ABOUT)
    nan = {"mean": float("nan"), "std": 0.0, "episodes": 1, "first_seed": 0}
    with pytest.raises(ActorError, match="not finite"):
        write_actor(actor_file, hopper_like, {**ABOUT, "returns": {"float": nan}})
    with pytest.raises(ActorError, match="'sparsity' is a required property"):
        write_actor(actor_file, hopper_like, {k: v for k, v in ABOUT.items() if k != "sparsity"})
    assert actor_file.read_bytes() == before and list(actor_file.parent.iterdir()) == [actor_file]


def test_the_description_cannot_be_overridden(tmp_path, hopper_like):
    path = tmp_path / "a"
    write_actor(path, hopper_like, {**ABOUT, "digest": "0" * 64, "env_id": "Other-v0"})
    assert read_actor(path).policy.env_id == hopper_like.env_id
