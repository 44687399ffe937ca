// Tanh of docs/numerics.md in look-up tables: table, product and sum, one clock each, no multiplier, no block RAM.
module ganglion_tanh_logic #(
    parameter FRACTION_BITS = 7,
    parameter IMAGE         = "tanh.hex"
) (
    input  wire               clk,
    input  wire signed [15:0] z,
    output reg  signed [15:0] action
);
    localparam PRODUCT_BITS = FRACTION_BITS + 14;

    (* rom_style = "logic", ram_style = "logic" *)
    reg [27:0] segments [0:127];

    initial $readmemh(IMAGE, segments);

    wire signed [15:0] whole = z >>> FRACTION_BITS;
    wire signed [6:0]  segment;

    ganglion_saturate #(.FROM(16), .TO(7)) limit (.value(whole), .result(segment));

    reg  [27:0]                    word1;
    reg  [FRACTION_BITS-1:0]       fraction1;
    reg                            negative1;
    reg  signed [15:0]             node2;
    reg  signed [PRODUCT_BITS-1:0] product2, sum;
    integer                        i;

    always @* begin
        sum = (1 << (FRACTION_BITS - 1)) - negative1;
        for (i = 0; i < FRACTION_BITS; i = i + 1) sum = sum + ((word1[11:0] & {12{fraction1[i]}}) << i);
    end

    always @(posedge clk) begin
        word1 <= segments[segment[6:0]];
        fraction1 <= z[FRACTION_BITS-1:0];
        negative1 <= z[15];
        node2 <= word1[27:12];
        product2 <= sum;
        action <= node2 + (product2 >>> FRACTION_BITS);
    end
endmodule
