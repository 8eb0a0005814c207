// y = a + b, both extended to the width of y by their sign, or by zeros.
(* keep_hierarchy *)
module adder #(
    parameter A = 8,
    parameter B = 8,
    parameter Y = 9,
    parameter SIGNED = 1
) (
    input  [A-1:0] a,
    input  [B-1:0] b,
    output [Y-1:0] y
);
    generate
        if (SIGNED) begin : two_complement
            wire signed [A-1:0] sa = a;
            wire signed [B-1:0] sb = b;
            wire signed [Y-1:0] sum = sa + sb;
            assign y = sum;
        end else begin : magnitude
            assign y = a + b;
        end
    endgenerate
endmodule
