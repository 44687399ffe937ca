// The device's side of docs/protocol.md for an actor that takes observation codes: COBS frames with a CRC-32.
//
// Commands: hello (1), answered from an image, and infer codes (6), whose payload is one signed code per feature.
// Everything else is answered by status: unknown command (0x83), wrong length (0x81). A frame under the type and
// sequence number of the last answer gets that answer again. Damaged packets are dropped, and the next zero byte
// begins a new one. An inference starts only after the CRC of its frame was right.
module ganglion_link #(
    parameter FEATURES    = 11,
    parameter ACTIONS     = 3,
    parameter CODE_BITS   = 8,
    parameter INDEX_BITS  = 8,
    parameter ACTION_BITS = 2,
    parameter SEED        = 32'd0,
    parameter HELLO_BYTES = 42,
    parameter HELLO_IMAGE = "hello.hex"
) (
    input  wire                        clk,
    input  wire                        reset,
    input  wire                        rx_valid,
    input  wire [7:0]                  rx_byte,
    input  wire                        tx_ready,
    output reg                         tx_valid,
    output reg  [7:0]                  tx_byte,
    output reg                         code_valid,
    output wire signed [CODE_BITS-1:0] code,
    input  wire                        action_valid,
    input  wire                        action_last,
    input  wire signed [15:0]          action
);
    localparam CODE_BYTES    = CODE_BITS / 8;
    localparam PAYLOAD_BYTES = FEATURES * CODE_BYTES;
    localparam FRAME_BYTES   = PAYLOAD_BYTES + 6;
    localparam EMPTY_BYTES   = 6;
    localparam POLYNOMIAL    = 32'hEDB8_8320;
    localparam RESIDUE       = 32'hDEBB_20E3;
    localparam [7:0] HELLO = 8'd1, INFER_CODES = 8'd6, WRONG_LENGTH = 8'h81, UNKNOWN_COMMAND = 8'h83;
    localparam [1:0] SAY_STATUS = 2'd0, SAY_HELLO = 2'd1, SAY_ACTION = 2'd2;
    localparam [2:0] LISTEN = 3'd0, LOAD = 3'd1, RUN = 3'd2, SUM = 3'd3, SCAN = 3'd4, CODE = 3'd5, DATA = 3'd6, CLOSE = 3'd7;

    reg [2:0]            state;
    reg [7:0]            kind, sequence_number, status;
    reg                  answered;
    reg [1:0]            say;
    reg [INDEX_BITS-1:0] index, block_end;
    reg                  full;
    reg [7:0]            run_length;

    // What depends on `index` passes memory, multiplexer and comparison, one clock each: three clocks after a change
    // it has settled.
    reg  [1:0]           age;
    wire                 settled = age == 2'd3;

    // CRC-32, one bit per clock.
    reg  [31:0] crc;
    reg  [7:0]  crc_bits;
    reg  [3:0]  crc_left;
    wire [31:0] crc_next = (crc >> 1) ^ (POLYNOMIAL & {32{crc[0] ^ crc_bits[0]}});

    // Receiver: COBS decoded on the fly. `left` bytes remain of a block; `linked`: a zero stands before the next.
    reg  [7:0]            left, first;
    reg                   linked;
    reg  [7:0]            second;
    reg  [INDEX_BITS-1:0] length;
    wire                  heard = rx_valid & state == LISTEN;
    wire                  opens = heard & rx_byte != 8'd0 & left == 8'd0;
    wire                  emit = heard & rx_byte != 8'd0 & (left != 8'd0 | linked);
    wire [7:0]            emitted = left == 8'd0 ? 8'd0 : rx_byte;
    reg                   crc_right, length_legal, length_empty, length_full, repeated;
    wire                  sound = heard & rx_byte == 8'd0 & left == 8'd0 & crc_right & length_legal & ~first[7];

    always @(posedge clk) begin
        crc_right <= crc == RESIDUE;
        length_legal <= length >= EMPTY_BYTES && length <= FRAME_BYTES;
        length_empty <= length == EMPTY_BYTES;
        length_full <= length == FRAME_BYTES;
        repeated <= answered && first == kind && second == sequence_number;
    end

    // Payload, read back byte by byte for the core.
    reg [7:0] payload [0:(1<<INDEX_BITS)-1];
    reg [7:0] payload_byte, low_byte;
    generate
        if (CODE_BYTES == 1) begin : bytes
            assign code = payload_byte;
        end else begin : pairs
            assign code = {payload_byte, low_byte};
        end
    endgenerate

    // Answer: content bytes by index, one clock after it.
    reg         [15:0]            actions [0:(1<<ACTION_BITS)-1];
    reg         [15:0]            action_word;
    reg         [ACTION_BITS-1:0] action_index;
    reg         [23:0]            cycles;
    reg         [7:0]             chosen, content;
    reg                           zero, whole, summed, ended;
    wire        [7:0]             hello_byte;
    wire        [INDEX_BITS-1:0]  content_bytes = say == SAY_HELLO ? HELLO_BYTES + 2 : say == SAY_ACTION ? 2 * ACTIONS + 7 : 3;
    wire        [INDEX_BITS-1:0]  action_offset = index - 7;
    wire        [INDEX_BITS-1:0]  crc_offset = index - content_bytes;

    ganglion_rom #(.WIDTH(8), .DEPTH(1 << INDEX_BITS), .ADDRESS_BITS(INDEX_BITS), .IMAGE(HELLO_IMAGE)) hello_rom (
        .clk(clk), .address(index), .word(hello_byte)
    );

    always @* begin
        chosen = say == SAY_HELLO ? hello_byte : status;
        if (say == SAY_ACTION && index >= 3) case (index)
            3: chosen = cycles[7:0];
            4: chosen = cycles[15:8];
            5: chosen = cycles[23:16];
            6: chosen = 8'd0;
            default: chosen = index[0] ? action_word[7:0] : action_word[15:8];
        endcase
        if (index == 0) chosen = kind | 8'h80;
        if (index == 1) chosen = sequence_number;
        if (index >= content_bytes) chosen = ~crc[8*crc_offset[1:0]+:8];
    end

    always @(posedge clk) begin
        content <= chosen;
        zero <= content == 8'd0;
        whole <= index == content_bytes + 4;
        summed <= index == content_bytes;
        ended <= index == block_end;
    end

    always @(posedge clk) begin
        if (emit) payload[length] <= emitted;
        payload_byte <= payload[index];
        if (action_valid) actions[action_index] <= action;
        action_word <= actions[action_offset[1+:ACTION_BITS]];
        if (code_valid) action_index <= 0;
        else if (action_valid) action_index <= action_index + 1'b1;
    end

    always @(posedge clk) begin
        if (crc_left != 4'd0) begin
            crc <= crc_next;
            crc_bits <= crc_bits >> 1;
            crc_left <= crc_left - 4'd1;
        end
        if (emit) begin
            if (length == 0) crc <= emitted == HELLO ? 32'hFFFF_FFFF : ~SEED;
            crc_bits <= emitted;
            crc_left <= 4'd8;
        end
        if (state == SUM) begin
            if (index == 0 && age == 2'd0) crc <= kind == HELLO ? 32'hFFFF_FFFF : ~SEED;
            if (settled && crc_left == 4'd0 && !summed) begin
                crc_bits <= content;
                crc_left <= 4'd8;
            end
        end
    end

    always @(posedge clk) begin
        if (opens) begin
            left <= rx_byte - 8'd1;
            linked <= rx_byte != 8'hFF;
        end else if (heard) left <= left - 8'd1;
        if (emit) begin
            if (length == 0) first <= emitted;
            if (length == 1) second <= emitted;
            if (length <= FRAME_BYTES) length <= length + 1'b1;
        end
        if (reset | (heard & rx_byte == 8'd0)) begin
            left <= 8'd0;
            linked <= 1'b0;
            length <= 0;
        end
    end

    always @(posedge clk) begin
        tx_valid <= 1'b0;
        code_valid <= 1'b0;
        if (!settled) age <= age + 2'd1;
        case (state)
            LISTEN: begin
                index <= 0;
                age <= 2'd0;
                if (sound) begin
                    state <= SUM;
                    kind <= first;
                    sequence_number <= second;
                    answered <= first != HELLO;
                    if (!repeated) begin
                        say <= SAY_STATUS;
                        status <= first == HELLO || first == INFER_CODES ? WRONG_LENGTH : UNKNOWN_COMMAND;
                        if (first == HELLO && length_empty) say <= SAY_HELLO;
                        if (first == INFER_CODES && length_full) begin
                            say <= SAY_ACTION;
                            status <= 8'd0;
                            state <= LOAD;
                            index <= 2;
                        end
                    end
                end
            end
            LOAD: if (settled) begin
                if (!index[0]) low_byte <= payload_byte;
                code_valid <= CODE_BYTES == 1 || index[0];
                index <= index + 1'b1;
                age <= 2'd0;
                if (index == PAYLOAD_BYTES + 1) state <= RUN;
            end
            RUN: begin
                index <= 0;
                age <= 2'd0;
                if (action_last) state <= SUM;
            end
            SUM: if (settled && crc_left == 4'd0) begin
                age <= 2'd0;
                if (!summed) index <= index + 1'b1;
                else begin
                    index <= 0;
                    block_end <= 0;
                    run_length <= 8'd1;
                    state <= SCAN;
                end
            end
            SCAN: if (settled) begin
                if (whole || zero || run_length == 8'hFF) begin
                    block_end <= index;
                    index <= block_end;
                    full <= run_length == 8'hFF;
                    state <= CODE;
                end else begin
                    index <= index + 1'b1;
                    run_length <= run_length + 8'd1;
                end
                age <= 2'd0;
            end
            CODE: if (tx_ready && !tx_valid) begin
                tx_valid <= 1'b1;
                tx_byte <= run_length;
                state <= DATA;
            end
            DATA: if (settled && tx_ready && !tx_valid) begin
                age <= 2'd0;
                if (!ended) begin
                    tx_valid <= 1'b1;
                    tx_byte <= content;
                    index <= index + 1'b1;
                end else if (whole) state <= CLOSE;
                else begin
                    index <= full ? index : index + 1'b1;
                    block_end <= full ? index : index + 1'b1;
                    run_length <= 8'd1;
                    state <= SCAN;
                end
            end
            CLOSE: if (tx_ready && !tx_valid) begin
                tx_valid <= 1'b1;
                tx_byte <= 8'd0;
                state <= LISTEN;
            end
        endcase
        if (code_valid) cycles <= 24'd1;
        else if (state == RUN || state == LOAD) cycles <= action_last ? cycles : cycles + 24'd1;
        if (reset) begin
            state <= LISTEN;
            answered <= 1'b0;
        end
    end
endmodule
