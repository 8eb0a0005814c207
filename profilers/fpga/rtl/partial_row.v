// One carry row of a product: y = x + a or x - a where the row's bit is set, else x. One LUT and one carry a bit.
(* keep_hierarchy *)
module partial_row #(
    parameter W = 8,
    parameter SUBTRACT = 0
) (
    input  [W-1:0] x,
    input  [W-1:0] a,
    input          bit_set,
    output [W-1:0] y
);
    wire [W-1:0] term = a & {W{bit_set}};
    generate
        if (SUBTRACT) begin : minus
            assign y = x - term;
        end else begin : plus
            assign y = x + term;
        end
    endgenerate
endmodule
