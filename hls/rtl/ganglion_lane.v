// One multiply-accumulate lane with its own copy of the activations.
//
// Clock by clock, for a word presented in clock 1: the activation is read (2), the operands are registered (3),
// multiplied (4) and accumulated: `sum` holds the word's product in clock 5. `last` of clock 1 closes the sum
// (`completing` in clock 4, `complete` in clock 5); the next word opens a new one. `override` in clock 2 replaces both operands of that word.
module ganglion_lane #(
    parameter ADDRESS_BITS     = 9,
    parameter DEPTH            = 512,
    parameter ACTIVATION_BITS  = 8,
    parameter WEIGHT_BITS      = 8,
    parameter A_BITS           = 8,
    parameter B_BITS           = 8,
    parameter ACCUMULATOR_BITS = 24
) (
    input  wire                               clk,
    input  wire                               reset,
    input  wire                               write,
    input  wire        [ADDRESS_BITS-1:0]     write_address,
    input  wire signed [ACTIVATION_BITS-1:0]  write_value,
    input  wire        [ADDRESS_BITS-1:0]     read_address,
    input  wire signed [WEIGHT_BITS-1:0]      weight,
    input  wire                               last,
    input  wire                               override,
    input  wire signed [A_BITS-1:0]           override_a,
    input  wire signed [B_BITS-1:0]           override_b,
    output wire                               completing,
    output wire                               complete,
    output wire signed [ACCUMULATOR_BITS-1:0] sum
);
    reg signed [ACTIVATION_BITS-1:0]  activations [0:DEPTH-1];
    reg signed [ACTIVATION_BITS-1:0]  activation2;
    reg signed [WEIGHT_BITS-1:0]      weight2;
    reg signed [A_BITS-1:0]           a3;
    reg signed [B_BITS-1:0]           b3;
    reg signed [A_BITS+B_BITS-1:0]    product4;
    reg signed [ACCUMULATOR_BITS-1:0] sum5;
    reg                               last2, last3, last4, last5;
    integer                           i;

    initial begin
        for (i = 0; i < DEPTH; i = i + 1) activations[i] = 0;
        sum5 = 0;
        product4 = 0;
        {last2, last3, last4, last5} = 4'b0000;
    end

    assign completing = last4;
    assign complete = last5;
    assign sum = sum5;

    always @(posedge clk) begin
        if (write) activations[write_address] <= write_value;
        activation2 <= activations[read_address];
    end

    always @(posedge clk) begin
        weight2 <= weight;
        a3 <= override ? override_a : activation2;
        b3 <= override ? override_b : weight2;
        product4 <= a3 * b3;
        sum5 <= product4 + $signed(sum5 & {ACCUMULATOR_BITS{~(last5 | reset)}});
        {last2, last3, last4, last5} <= {last, last2, last3, last4};
    end
endmodule
