// Serial port, 8 data bits, no parity, one stop bit, DIVISOR clocks per bit (at least 4).
module ganglion_uart #(
    parameter DIVISOR = 104
) (
    input  wire       clk,
    input  wire       reset,
    input  wire       rx,
    output reg        tx,
    output reg        rx_valid,
    output reg  [7:0] rx_byte,
    input  wire       tx_valid,
    input  wire [7:0] tx_byte,
    output wire       tx_ready
);
    localparam TIMER_BITS = $clog2(DIVISOR + 1);

    reg  [2:0]            line;
    reg  [3:0]            rx_left;
    reg  [TIMER_BITS-1:0] rx_timer;
    reg  [3:0]            tx_left;
    reg  [TIMER_BITS-1:0] tx_timer;
    reg  [7:0]            tx_bits;

    assign tx_ready = tx_left == 4'd0;

    // Sampled in the middle of each bit: start, eight data bits, stop.
    always @(posedge clk) begin
        line <= {rx, line[2:1]};
        rx_valid <= 1'b0;
        if (reset) rx_left <= 4'd0;
        else if (rx_left == 4'd0) begin
            rx_timer <= DIVISOR / 2 - 1;
            if (line[1:0] == 2'b01) rx_left <= 4'd10;
        end else if (rx_timer != 0) rx_timer <= rx_timer - 1'b1;
        else begin
            rx_timer <= DIVISOR - 1;
            rx_left <= rx_left - 4'd1;
            if (rx_left == 4'd10 && line[0]) rx_left <= 4'd0;
            else if (rx_left == 4'd1) rx_valid <= line[0];
            else rx_byte <= {line[0], rx_byte[7:1]};
        end
    end

    always @(posedge clk) begin
        if (reset) begin
            tx_left <= 4'd0;
            tx <= 1'b1;
        end else if (tx_ready) begin
            tx_timer <= DIVISOR - 1;
            if (tx_valid) begin
                {tx_bits, tx} <= {tx_byte, 1'b0};
                tx_left <= 4'd10;
            end
        end else if (tx_timer != 0) tx_timer <= tx_timer - 1'b1;
        else begin
            tx_timer <= DIVISOR - 1;
            tx_left <= tx_left - 4'd1;
            {tx_bits, tx} <= {1'b1, tx_bits};
        end
    end
endmodule
