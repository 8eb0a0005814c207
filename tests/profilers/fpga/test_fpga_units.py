from dataclasses import replace

import pytest
from small_designs import SMALL

from profilers.fpga.sites import count
from profilers.fpga.verify import MismatchError, verify
from profilers.fpga.verilog import catalog, ports


@pytest.mark.parametrize("design", SMALL, ids=lambda d: d.name)
def test_netlist_computes_what_the_formats_say(design, mapped):
    face = ports(design)
    exhaustive = face.input_bits <= 16
    compared = verify(design, mapped[design])
    assert compared == (2**face.input_bits if exhaustive else 1024) * (3 if face.accumulates else 1)


@pytest.mark.parametrize("design", SMALL, ids=lambda d: d.name)
def test_wrong_netlists_are_found(design, mapped):
    circuit = mapped[design]
    driven = {net for bits in circuit.outputs.values() for net in bits} | {flop.data for flop in circuit.flops}
    wrong = next(i for i, table in enumerate(circuit.tables) if table.output in driven)
    table = circuit.tables[wrong]
    inverted = replace(table, table=table.table ^ ((1 << (1 << len(table.inputs))) - 1))
    broken = replace(circuit, tables=(*circuit.tables[:wrong], inverted, *circuit.tables[wrong + 1 :]))
    with pytest.raises(MismatchError, match=design.name):
        verify(design, broken)


def test_every_unit_is_among_the_small_designs():
    assert {design.unit for design in SMALL} == set(catalog())


@pytest.mark.parametrize("design", SMALL, ids=lambda d: d.name)
def test_counts_are_consistent(design, mapped):
    counts = count(mapped[design])
    assert counts.ff == (design.acc_bits if ports(design).accumulates else 0)
    assert counts.carry_bits <= counts.sites <= counts.carry_bits + counts.lut
    assert counts.levels >= 1


def test_carry_row_product_takes_one_site_a_bit(mapped):
    by_name = {design.name: count(circuit) for design, circuit in mapped.items()}
    assert by_name["product-int2-int2-n1-acc0"].carry_bits == 0
    assert by_name["product-int2-int2-n1-acc0"].sites <= 4
    assert 7 * 8 <= by_name["product-int8-int8-n1-acc0"].sites <= 7 * 9 + 1
