// Icarus Verilog bench with the protocol of core.cpp: for each inference FEATURES int16 from standard input,
// then ACTIONS int16 and the uint32 number of clocks to standard output.
module core;
    parameter FEATURES  = 1;
    parameter ACTIONS   = 1;
    parameter CODE_BITS = 8;

    localparam RESET_CLOCKS = 16;
    localparam STDIN  = 32'h8000_0000;
    localparam STDOUT = 32'h8000_0001;

    reg                         clk = 1'b0;
    reg                         reset = 1'b1;
    reg                         code_valid = 1'b0;
    reg  signed [CODE_BITS-1:0] code = 0;
    wire                        busy, action_valid, action_last;
    wire signed [15:0]          action;
    reg  [15:0]                 pair;
    reg  [31:0]                 clocks;
    reg  [8*1024-1:0]           trace;
    integer                     i, low, high;

    ganglion_actor actor (
        .clk(clk), .reset(reset), .code_valid(code_valid), .code(code), .busy(busy),
        .action_valid(action_valid), .action_last(action_last), .action(action)
    );

    task tick;
        begin
            #5 clk = 1'b1;
            #5 clk = 1'b0;
        end
    endtask

    task send;
        input integer bytes;
        input [31:0]  value;
        integer       k;
        for (k = 0; k < bytes; k = k + 1) $fwrite(STDOUT, "%c", value[8*k+:8]);
    endtask

    task infer;
        begin
            code_valid = 1'b1;
            for (i = 0; i < FEATURES; i = i + 1) begin
                low = i == 0 ? low : $fgetc(STDIN);
                high = $fgetc(STDIN);
                pair = {high[7:0], low[7:0]};
                code = pair[CODE_BITS-1:0];
                tick;
            end
            code_valid = 1'b0;
            clocks = 1;
            while (!action_last) begin
                if (action_valid) send(2, action);
                tick;
                clocks = clocks + 1;
            end
            send(2, action);
            send(4, clocks);
            $fflush(STDOUT);
            tick;
        end
    endtask

    initial begin
        if ($value$plusargs("trace=%s", trace)) begin
            $dumpfile(trace);
            $dumpvars(0, core);
        end
        repeat (RESET_CLOCKS) tick;
        reset = 1'b0;
        low = $fgetc(STDIN);
        while (low >= 0) begin
            infer;
            low = $fgetc(STDIN);
        end
        $finish;
    end
endmodule
