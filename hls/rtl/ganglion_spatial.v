// Ports of `ganglion_actor` around a network that takes all codes and gives all output codes at once.
//
// Codes are collected in a register; the last one starts the count of LATENCY clocks through network and head, after
// which the actions leave one by one. The network itself takes a new observation in every clock. As actions leave one
// by one, a single tanh or clip serves them all, HEAD_CLOCKS long; argmax takes all outputs side by side.
module ganglion_spatial #(
    parameter FEATURES      = 11,
    parameter OUTPUTS       = 3,
    parameter ACTIONS       = 3,
    parameter CODE_BITS     = 8,
    parameter LATENCY       = 8,
    parameter HEAD          = 0,
    parameter HEAD_CLOCKS   = 3,
    parameter FRACTION_BITS = 7,
    parameter CLIP_SHIFT    = 5,
    parameter IMAGE         = "tanh.hex"
) (
    input  wire                        clk,
    input  wire                        reset,
    input  wire                        code_valid,
    input  wire signed [CODE_BITS-1:0] code,
    output wire                        busy,
    output wire                        action_valid,
    output wire                        action_last,
    output wire signed [15:0]          action
);
    localparam COUNT_BITS = $clog2(FEATURES + 1);
    localparam TIME_BITS  = $clog2(LATENCY + ACTIONS + 2);

    reg  [FEATURES*CODE_BITS-1:0] codes;
    reg  [COUNT_BITS-1:0]         count;
    reg  [TIME_BITS-1:0]          left;
    wire [16*OUTPUTS-1:0]         outputs;
    wire                          take = code_valid & ~busy;
    wire                          start = take & (count == FEATURES - 1);

    assign busy = left != 0;
    assign action_valid = busy & left <= ACTIONS;
    assign action_last = left == 1;

    always @(posedge clk) begin
        if (take) codes <= FEATURES == 1 ? code : {code, codes} >> CODE_BITS;
        if (reset | start) count <= 0;
        else if (take) count <= count + 1'b1;
        if (reset) left <= 0;
        else if (start) left <= LATENCY + ACTIONS + 1;
        else if (busy) left <= left - 1'b1;
    end

    ganglion_network network (.clk(clk), .codes(codes), .outputs(outputs));

    generate
        if (HEAD == 2) begin : argmax
            wire [15:0] index;
            reg  [15:0] leaving;

            always @(posedge clk) leaving <= index;
            assign action = leaving;
            ganglion_heads #(.HEAD(HEAD), .OUTPUTS(OUTPUTS), .ACTIONS(1)) head (
                .clk(clk), .codes(outputs), .actions(index)
            );
        end else begin : shared
            reg [16*ACTIONS-1:0] leaving;

            always @(posedge clk) leaving <= left == ACTIONS + HEAD_CLOCKS + 1 ? outputs : leaving >> 16;
            ganglion_heads #(
                .HEAD(HEAD), .OUTPUTS(1), .ACTIONS(1), .FRACTION_BITS(FRACTION_BITS), .CLIP_SHIFT(CLIP_SHIFT),
                .IMAGE(IMAGE)
            ) head (.clk(clk), .codes(leaving[15:0]), .actions(action));
        end
    endgenerate
endmodule
