// From the last layer's codes to action codes (docs/numerics.md, rule 4), one code in, one code out.
//
// HEAD 0: tanh, already formed. HEAD 1: clip, a left shift by
// CLIP_SHIFT that saturates. HEAD 2: argmax, one index after `closing`. The result follows one clock later.
module ganglion_head #(
    parameter HEAD       = 0,
    parameter CLIP_SHIFT = 5
) (
    input  wire               clk,
    input  wire               valid,
    input  wire               closing,
    input  wire signed [15:0] value,
    output reg                action_valid,
    output reg                action_last,
    output reg  signed [15:0] action
);
    initial begin
        action_valid = 1'b0;
        action_last = 1'b0;
        action = 16'sd0;
    end

    always @(posedge clk) begin
        action_valid <= HEAD == 2 ? valid & closing : valid;
        action_last <= valid & closing;
    end

    generate
        if (HEAD == 0) begin : tanh
            always @(posedge clk) action <= value;
        end else if (HEAD == 1) begin : clip
            wire fits = &value[15:15-CLIP_SHIFT] | ~|value[15:15-CLIP_SHIFT];
            always @(posedge clk) action <= fits ? value <<< CLIP_SHIFT : {value[15], {15{~value[15]}}};
        end else begin : argmax
            reg               opened;
            reg        [15:0] index;
            reg signed [15:0] best;
            wire              better = ~opened | (value > best);

            initial begin
                opened = 1'b0;
                index = 16'd0;
                best = 16'sd0;
            end

            always @(posedge clk) if (valid) begin
                opened <= ~closing;
                index <= closing ? 16'd0 : index + 16'd1;
                if (better) begin
                    best <= value;
                    action <= index;
                end
            end
        end
    endgenerate
endmodule
