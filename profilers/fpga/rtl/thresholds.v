// How many of 2^Y - 1 ascending thresholds a signed number reaches: a binary search, one comparison an output bit.
module thresholds #(
    parameter ACC = 16,
    parameter Y = 2
) (
    input  [ACC-1:0]              a,
    input  [ACC*((1<<Y)-1)-1:0]   b,
    output [Y-1:0]                y
);
    genvar level;
    generate
        for (level = 0; level < Y; level = level + 1) begin : search
            // candidates: the thresholds of index (k + 1/2) 2^(Y - level), chosen by the bits that are known
            wire [ACC-1:0] chosen;
            if (level == 0) begin : first
                assign chosen = b[ACC*((1<<(Y-1))-1) +: ACC];
            end else begin : later
                wire [ACC*(1<<level)-1:0] candidates;
                genvar k;
                for (k = 0; k < (1 << level); k = k + 1) begin : candidate
                    assign candidates[ACC*k +: ACC] = b[ACC*(k*(1<<(Y-level))+(1<<(Y-level-1))-1) +: ACC];
                end
                assign chosen = candidates[ACC*y[Y-1 -: level] +: ACC];
            end
            not_less #(.W(ACC)) compare (.a(a), .b(chosen), .y(y[Y-1-level]));
        end
    endgenerate
endmodule

// y = a >= b, both signed: one carry chain.
(* keep_hierarchy *)
module not_less #(
    parameter W = 16
) (
    input  [W-1:0] a,
    input  [W-1:0] b,
    output         y
);
    wire signed [W-1:0] sa = a;
    wire signed [W-1:0] sb = b;
    assign y = sa >= sb;
endmodule
