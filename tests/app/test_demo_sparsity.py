"""The table of cut networks: means over seeds, every setting once, and bad input in a line."""

import pytest
import torch

from app.demo.left_out import Row, Subject, rows
from app.demo.network import DigitsNet, digits
from app.demo.sparsity import main, page, summary
from costmodel.importers import torch_export
from costmodel.strategies import FilterPruning


def test_seeds_of_a_setting_are_averaged_in_the_order_of_the_first():
    found = [Row("cnn", "filters", f"keep {keep}", keep**2, keep, right + seed / 10, seed)
             for seed in (0, 1) for keep, right in ((0.5, 0.8), (0.3, 0.6))]  # fmt: skip
    first, second = summary(found)
    assert [row["setting"] for row in (first, second)] == ["keep 0.5", "keep 0.3"]
    assert (first["macs"], first["params"]) == ("0.250", "0.500")
    assert first["accuracy"] == pytest.approx(0.85)
    assert first["over seeds"] == "80.00% to 90.00%"


def test_a_row_has_the_shares_of_the_pass_and_the_right_answers():
    module = DigitsNet().eval()
    whole = torch_export.read(module, (torch.zeros(1, 1, 8, 8),))
    row = Subject("cnn", module, whole, digits(), 3).row("filters", "keep 0.5", FilterPruning(0.5)(whole), module)
    assert 0.2 < row.macs < 0.3
    assert 0.2 < row.params < 0.3
    assert 0 <= row.accuracy < 0.5
    assert row.seed == 3


@pytest.mark.long
def test_every_method_keeps_most_of_the_network_at_its_mildest():
    found = list(rows(0))
    whole = {row.network: row.accuracy for row in found if row.method == "whole"}
    best = {}
    for row in found:
        best[row.network, row.method] = max(best.get((row.network, row.method), 0), row.accuracy)
    assert len(best) == 10
    assert best["vit", "token pruning"] < best["vit", "token pruning, trained on"]
    mild = {key: right for key, right in best.items() if key[1] != "token pruning"}
    assert all(right > whole[network] - 0.05 for (network, _), right in mild.items())


def test_the_page_has_a_figure_a_network_and_asks_nothing_of_the_network():
    found = [Row(network, method, "keep 0.5", macs, 1.0, 0.9, 0)
             for network in ("cnn", "vit") for method, macs in (("whole", 1.0), ("filters", 0.5))]  # fmt: skip
    told = page(found)
    assert told.count("<figure>") == 2
    assert 'src="http' not in told
    assert "A vision transformer on digits" in told


def test_a_page_without_a_folder_is_bad_input(capsys):
    assert main(["--html", "/no/such/folder/page.html"]) == 2
    assert capsys.readouterr().err == "app.demo.sparsity: no folder '/no/such/folder' to write 'page.html' in\n"


def test_no_seed_is_bad_input(capsys):
    assert main(["--seeds", "0"]) == 2
    assert capsys.readouterr().err == "app.demo.sparsity: seeds must be at least 1, got 0\n"
