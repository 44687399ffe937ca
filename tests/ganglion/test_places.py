import pytest

from ganglion.places import build_folder, c_identifier, latest_link, point_latest
from tests.support.actors import hopper_policy


def test_a_build_is_named_after_environment_digest_and_target(tmp_path):
    policy = hopper_policy()
    folder = build_folder(policy, "cortex-m4", tmp_path)
    assert folder == tmp_path / f"Hopper-v4-{policy.digest[:8]}-cortex-m4"
    assert build_folder(hopper_policy(env_id="ALE/Pong-v5"), "native", tmp_path).parent == tmp_path


@pytest.mark.parametrize(
    ("env_id", "name"), [("Hopper-v4", "hopper"), ("ALE/Pong-v5", "ale_pong"), ("Walker2d-v4", "walker2d")]
)
def test_a_c_identifier_comes_from_the_environment(env_id, name):
    assert c_identifier(env_id) == name


def test_the_link_moves_to_the_latest_build(tmp_path):
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        link = point_latest("Hopper-v4", folder)
        assert link == latest_link("Hopper-v4", tmp_path) == tmp_path / "Hopper"
        assert link.resolve() == folder.resolve()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Hopper", "first", "second"]
