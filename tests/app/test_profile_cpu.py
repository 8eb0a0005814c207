"""bitfront profile cpu: what cannot be measured or written is refused before the work."""

import pytest


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--calls", "-3"), "--calls must be seconds of at least 0, got -3"),
        (("--calls", "nan"), "--calls must be seconds of at least 0, got nan"),
        (("--out", "q.txt"), "--out must end in .toml, as a device's file does, got 'q.txt'"),
    ],
)
def test_bad_arguments_are_one_line(refused, tmp_path, args, says):
    assert says in refused("profile", "cpu", "--seconds", "0.1", *args, cwd=tmp_path)
    assert not list(tmp_path.iterdir())
