// Sequential sparse multiply-accumulate core: the policy is a program of one word per nonzero weight.
//
// Observation codes are written to addresses 0, 1, ... of the activations; the last one starts the program. Word
// by word each lane adds activation * weight; a word marked `last` ends a row. At most one lane ends a row in a
// clock (the scheduler sees to it), so all lanes share the row table, the shifter and the write port: bias,
// right shift and saturation follow, and the result goes to the next free address, or to the head.
// Activations are stored minus half their range, so that one signed saturation serves ReLU and head alike.
//
// `reset` must be held for 16 clocks. The word at address 0 does nothing, and the program counter rests there. Two words with
// all index bits set take the operands of the tanh head instead of an activation and a weight.
module ganglion_sequential #(
    parameter FEATURES         = 11,
    parameter LANES            = 1,
    parameter CODE_BITS        = 8,
    parameter ACTIVATION_BITS  = 8,
    parameter WEIGHT_BITS      = 8,
    parameter ACCUMULATOR_BITS = 24,
    parameter ADDRESS_BITS     = 9,
    parameter ACTIVATIONS      = 512,
    parameter PROGRAM_BITS     = 11,
    parameter PROGRAM_WORDS    = 2048,
    parameter ROW_BITS         = 9,
    parameter ROWS             = 512,
    parameter SHIFT_MIN        = 0,
    parameter SHIFT_BITS       = 5,
    parameter NARROW_BITS      = 8,
    parameter HEAD             = 0,
    parameter FRACTION_BITS    = 7,
    parameter CLIP_SHIFT       = 5,
    parameter A_BITS           = 8,
    parameter B_BITS           = 16,
    parameter PROGRAM_IMAGE    = "program.hex",
    parameter ROW_IMAGE        = "rows.hex",
    parameter TANH_IMAGE       = "tanh.hex"
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
    localparam WORD_BITS  = 1 + ADDRESS_BITS + WEIGHT_BITS;
    localparam ENTRY_BITS = 3 + SHIFT_BITS + ACCUMULATOR_BITS;

    // Clock 0: program counter. It leaves address 0 when the last code arrives.
    reg  [PROGRAM_BITS-1:0] program_counter;
    reg  [ADDRESS_BITS-1:0] destination;
    wire                    load = code_valid & ~busy;
    wire                    start = load & (destination == FEATURES - 1);

    assign busy = |program_counter;

    always @(posedge clk) begin
        if (reset | action_last) program_counter <= 0;
        else if (start | busy) program_counter <= program_counter + 1'b1;
    end

    // Clock 1: one word per lane.
    wire [LANES*WORD_BITS-1:0] words;

    ganglion_rom #(
        .WIDTH(LANES * WORD_BITS), .DEPTH(PROGRAM_WORDS), .ADDRESS_BITS(PROGRAM_BITS), .IMAGE(PROGRAM_IMAGE)
    ) program_rom (.clk(clk), .address(program_counter), .word(words));

    // Clocks 2 to 5: the lanes.
    wire signed [ACTIVATION_BITS-1:0]        result;
    wire                                     write;
    wire        [LANES-1:0]                  completing, complete;
    wire signed [LANES*ACCUMULATOR_BITS-1:0] sums;
    wire signed [FRACTION_BITS+2:0]          tanh_a2;
    wire signed [15:0]                       tanh_b2;
    wire                                     positive2;
    reg                                      tanh2, tanh3, tanh4, tanh5;
    reg                                      positive3, positive4, positive5;
    wire                                     tanh1 = HEAD == 0 & (&words[WEIGHT_BITS+:ADDRESS_BITS]);

    always @(posedge clk) begin
        {tanh2, tanh3, tanh4, tanh5} <= {tanh1, tanh2, tanh3, tanh4};
        {positive3, positive4, positive5} <= {positive2, positive3, positive4};
    end

    genvar lane;
    generate
        for (lane = 0; lane < LANES; lane = lane + 1) begin : lanes
            wire [WORD_BITS-1:0] word = words[lane*WORD_BITS+:WORD_BITS];
            localparam HOSTS_TANH = lane == 0 && HEAD == 0;

            ganglion_lane #(
                .ADDRESS_BITS(ADDRESS_BITS), .DEPTH(ACTIVATIONS), .ACTIVATION_BITS(ACTIVATION_BITS),
                .WEIGHT_BITS(WEIGHT_BITS), .A_BITS(HOSTS_TANH ? A_BITS : ACTIVATION_BITS),
                .B_BITS(HOSTS_TANH ? B_BITS : WEIGHT_BITS), .ACCUMULATOR_BITS(ACCUMULATOR_BITS)
            ) unit (
                .clk(clk), .reset(reset),
                .write(load | write), .write_address(destination), .write_value(load ? code : result),
                .read_address(word[WEIGHT_BITS+:ADDRESS_BITS]), .weight(word[WEIGHT_BITS-1:0]),
                .last(word[WORD_BITS-1]),
                .override(HOSTS_TANH ? tanh2 : 1'b0),
                .override_a(tanh_a2), .override_b(tanh_b2),
                .completing(completing[lane]), .complete(complete[lane]),
                .sum(sums[lane*ACCUMULATOR_BITS+:ACCUMULATOR_BITS])
            );
        end
    endgenerate

    // Clock 5: the completed sum and its row's entry.
    reg  signed [ACCUMULATOR_BITS-1:0] sum5;
    reg         [ROW_BITS-1:0]         row;
    wire        [ENTRY_BITS-1:0]       entry5;
    wire signed [ACCUMULATOR_BITS-1:0] bias5 = entry5[ACCUMULATOR_BITS-1:0];
    integer                            i;

    ganglion_rom #(.WIDTH(ENTRY_BITS), .DEPTH(ROWS), .ADDRESS_BITS(ROW_BITS), .IMAGE(ROW_IMAGE)) row_rom (
        .clk(clk), .address(row), .word(entry5)
    );

    always @(posedge clk) begin
        if (reset | action_last) row <= 0;
        else if (|completing) row <= row + 1'b1;
    end

    always @* begin
        sum5 = 0;
        for (i = 0; i < LANES; i = i + 1)
            if (complete[i] | LANES == 1) sum5 = sum5 | sums[i*ACCUMULATOR_BITS+:ACCUMULATOR_BITS];
    end

    // Clock 6: bias. Clock 7: shift, then saturation.
    reg  signed [ACCUMULATOR_BITS-1:0] biased6, shifted7;
    reg         [SHIFT_BITS-1:0]       shift6;
    reg                                valid6, final6, head6, wide6, tanh6;
    reg                                valid7, final7, head7, wide7, tanh7;
    wire signed [15:0]                 code7;
    wire signed [NARROW_BITS-1:0]      narrow7;

    always @(posedge clk) begin
        valid6 <= |complete;
        {final6, head6, wide6, shift6} <= entry5[ENTRY_BITS-1:ACCUMULATOR_BITS];
        tanh6 <= tanh5;
        biased6 <= $signed({sum5[ACCUMULATOR_BITS-1:1], sum5[0] | (tanh5 & positive5)}) + bias5;
        {valid7, final7, head7, wide7, tanh7} <= {valid6, final6, head6, wide6, tanh6};
        shifted7 <= biased6 >>> SHIFT_MIN >>> shift6;
    end

    ganglion_saturate #(.FROM(ACCUMULATOR_BITS), .TO(16)) wide_saturate (.value(shifted7), .result(code7));
    ganglion_saturate #(.FROM(ACCUMULATOR_BITS), .TO(NARROW_BITS)) narrow_saturate (.value(shifted7), .result(narrow7));

    assign write = valid7 & ~head7;
    assign result = wide7 && ACTIVATION_BITS == 16 ? code7 : narrow7;

    always @(posedge clk) begin
        if (reset | action_last) destination <= 0;
        else if (load | write) destination <= destination + 1'b1;
    end

    // Clock 8: the action code, or the code that the tanh slot of the program will turn into one.
    generate
        if (HEAD == 0) begin : tanh
            reg signed [15:0] z;

            always @(posedge clk) if (valid7 & head7 & ~tanh7) z <= code7;

            ganglion_tanh #(.FRACTION_BITS(FRACTION_BITS), .IMAGE(TANH_IMAGE)) unit (
                .clk(clk), .z(z), .second(words[WORD_BITS-1]), .a(tanh_a2), .b(tanh_b2), .positive(positive2)
            );
        end else begin : no_tanh
            assign positive2 = 1'b0;
            assign tanh_a2 = 0;
            assign tanh_b2 = 0;
        end
    endgenerate

    ganglion_head #(.HEAD(HEAD), .CLIP_SHIFT(CLIP_SHIFT)) head (
        .clk(clk), .valid(valid7 & head7 & (tanh7 | HEAD != 0)), .closing(final7), .value(code7),
        .action_valid(action_valid), .action_last(action_last), .action(action)
    );

    initial begin
        program_counter = 0;
        destination = 0;
        row = 0;
        {valid6, valid7} = 2'b00;
        {tanh2, tanh3, tanh4, tanh5, tanh6, tanh7} = 6'b000000;
    end
endmodule
