// All action codes at once from all output codes (docs/numerics.md, rule 4), a new set in every clock.
//
// HEAD 0: tanh, three clocks later, without a multiplier. HEAD 1: clip, one clock later. HEAD 2: argmax, one
// clock later, a single index.
module ganglion_heads #(
    parameter HEAD          = 0,
    parameter OUTPUTS       = 3,
    parameter ACTIONS       = 3,
    parameter FRACTION_BITS = 7,
    parameter CLIP_SHIFT    = 5,
    parameter IMAGE         = "tanh.hex"
) (
    input  wire                  clk,
    input  wire [16*OUTPUTS-1:0] codes,
    output wire [16*ACTIONS-1:0] actions
);
    genvar k;
    generate
        if (HEAD == 2) begin : argmax
            reg [15:0]        index;
            reg signed [15:0] best;
            integer           i;

            always @(posedge clk) begin
                index = 16'd0;
                best = codes[15:0];
                for (i = 1; i < OUTPUTS; i = i + 1) if ($signed(codes[16*i+:16]) > best) begin
                    index = i;
                    best = codes[16*i+:16];
                end
            end
            assign actions = index;
        end else begin : each
            for (k = 0; k < OUTPUTS; k = k + 1) begin : one
                if (HEAD == 0) begin : tanh
                    ganglion_tanh_logic #(.FRACTION_BITS(FRACTION_BITS), .IMAGE(IMAGE)) unit (
                        .clk(clk), .z(codes[16*k+:16]), .action(actions[16*k+:16])
                    );
                end else begin : clip
                    wire signed [15:0] value = codes[16*k+:16];
                    wire               fits = &value[15:15-CLIP_SHIFT] | ~|value[15:15-CLIP_SHIFT];
                    reg  signed [15:0] action;

                    always @(posedge clk) action <= fits ? value <<< CLIP_SHIFT : {value[15], {15{~value[15]}}};
                    assign actions[16*k+:16] = action;
                end
            end
        end
    endgenerate
endmodule
