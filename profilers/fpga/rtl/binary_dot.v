// How many of N one-bit pairs agree: three pairs make one count of two bits in two LUTs, an adder tree sums the counts.
module binary_dot #(
    parameter N = 8,
    parameter GROUPS = (N + 2) / 3,
    parameter Y = 2 + $clog2(GROUPS)
) (
    input  [N-1:0] a,
    input  [N-1:0] b,
    output [Y-1:0] y
);
    wire [3*GROUPS-1:0] agree = {{(3 * GROUPS) {1'b0}}, ~(a ^ b)};
    wire [2*GROUPS-1:0] counts;
    genvar i;

    generate
        for (i = 0; i < GROUPS; i = i + 1) begin : group
            wire p = agree[3*i];
            wire q = agree[3*i+1];
            wire r = agree[3*i+2];
            assign counts[2*i] = p ^ q ^ r;
            assign counts[2*i+1] = (p & q) | (p & r) | (q & r);
        end
    endgenerate
    adder_tree #(.N(GROUPS), .W(2), .SIGNED(0)) tree (.x(counts), .y(y));
endmodule
