// Operands of the tanh head for the pre-activation code `z` (docs/numerics.md, rule 4).
//
// The function is linear between its nodes, so twice its value, before rounding, is a sum of two products that the
// lane's own multiplier forms in two slots: node * 2**(FRACTION_BITS + 1), then slope * 2 * fraction. `second` tells
// the slots apart in clock 1; the operands follow in clock 2. Ties round away from zero: `positive` becomes the
// lowest bit of the doubled sum, and the row's bias is 2**FRACTION_BITS - 1.
module ganglion_tanh #(
    parameter FRACTION_BITS = 7,
    parameter IMAGE         = "tanh.hex"
) (
    input  wire                            clk,
    input  wire signed [15:0]              z,
    input  wire                            second,
    output wire signed [FRACTION_BITS+2:0] a,
    output wire signed [15:0]              b,
    output wire                            positive
);
    reg                second2;
    wire signed [15:0] whole = z >>> FRACTION_BITS;
    wire signed [6:0]  segment;

    initial second2 = 1'b0;

    ganglion_saturate #(.FROM(16), .TO(7)) limit (.value(whole), .result(segment));

    ganglion_rom #(.WIDTH(16), .DEPTH(256), .ADDRESS_BITS(8), .IMAGE(IMAGE)) table_rom (
        .clk(clk), .address({segment, second}), .word(b)
    );

    assign a = second2 ? {2'b00, z[FRACTION_BITS-1:0], 1'b0} : 2 << FRACTION_BITS;
    assign positive = ~z[15];

    always @(posedge clk) second2 <= second;
endmodule
