// Icarus Verilog bench of the whole board: bytes from standard input go to the serial port bit by bit, what the
// board sends goes to standard output. After a zero byte the bench waits for the zero that ends the answer, or for
// SILENCE_CLOCKS without a byte.
module board;
    parameter DIVISOR        = 4;
    parameter SILENCE_CLOCKS = 4096;

    localparam STDIN  = 32'h8000_0000;
    localparam STDOUT = 32'h8000_0001;

    reg               clk = 1'b0;
    reg               rx = 1'b1;
    wire              tx;
    reg  [8*1024-1:0] trace;
    reg  [7:0]        answer;
    reg               answered = 1'b0;
    integer           byte_in, i, k, quiet;

    ganglion_top #(.DIVISOR(DIVISOR)) top (.clk(clk), .rx(rx), .tx(tx));

    always #5 clk = ~clk;

    always begin
        @(negedge tx);
        repeat (DIVISOR + DIVISOR / 2) @(posedge clk);
        for (k = 0; k < 8; k = k + 1) begin
            answer[k] = tx;
            repeat (DIVISOR) @(posedge clk);
        end
        quiet = 0;
        $fwrite(STDOUT, "%c", answer);
        if (answer == 8'd0) begin
            $fflush(STDOUT);
            answered = 1'b1;
        end
    end

    task send;
        input [7:0] value;
        begin
            rx = 1'b0;
            repeat (DIVISOR) @(posedge clk);
            for (i = 0; i < 8; i = i + 1) begin
                rx = value[i];
                repeat (DIVISOR) @(posedge clk);
            end
            rx = 1'b1;
            repeat (DIVISOR) @(posedge clk);
        end
    endtask

    initial begin
        if ($value$plusargs("trace=%s", trace)) begin
            $dumpfile(trace);
            $dumpvars(0, board);
            $fwrite(STDOUT, "%c", 8'd0);  // $dumpfile has a message on standard output: no frame, ends here
        end
        repeat (300) @(posedge clk);
        byte_in = $fgetc(STDIN);
        while (byte_in >= 0) begin
            answered = 1'b0;
            send(byte_in);
            if (byte_in == 0) begin
                for (quiet = 0; !answered && quiet < SILENCE_CLOCKS; quiet = quiet + 1) @(posedge clk);
                repeat (2 * DIVISOR) @(posedge clk);
            end
            byte_in = $fgetc(STDIN);
        end
        $finish;
    end
endmodule
