// Drives the verilated module `ganglion_top` from standard input, as a host at the other end of its serial port.
//
// board DIVISOR SILENCE_CLOCKS [TRACE.vcd]: bytes from standard input go to `rx` bit by bit, what the board sends on `tx` goes to
// standard output. After a zero byte the bench waits for the zero that ends the answer, or until the board has been
// silent for SILENCE_CLOCKS.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "Vganglion_top.h"
#include "verilated.h"
#ifdef TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

constexpr int START_CLOCKS = 300;
constexpr int FRAME_BITS = 10;

class Bench {
  public:
    Bench(int divisor, uint32_t silence_clocks, const char *trace_path)
        : divisor(divisor), silence_clocks(silence_clocks) {
#ifdef TRACE
        if (trace_path != nullptr) {
            context.traceEverOn(true);
            trace = std::make_unique<VerilatedVcdC>();
            top.trace(trace.get(), 99);
            trace->open(trace_path);
        }
#else
        (void)trace_path;
#endif
        top.rx = 1;
        top.clk = 0;
        for (int clock = 0; clock < START_CLOCKS; clock++) tick();
    }

    ~Bench() {
#ifdef TRACE
        if (trace) trace->close();
#endif
        top.final();
    }

    void send(unsigned byte) {
        const unsigned frame = byte << 1 | 1u << 9;
        for (int bit = 0; bit < FRAME_BITS; bit++) {
            top.rx = frame >> bit & 1u;
            for (int clock = 0; clock < divisor; clock++) tick();
        }
    }

    void await_answer() {
        answered = false;
        for (silence = 0; !answered && silence < silence_clocks; silence++) tick();
        for (int clock = 0; clock < 2 * divisor; clock++) tick();
    }

  private:
    void tick() {
        for (int level = 1; level >= 0; level--) {
            top.clk = level;
            top.eval();
#ifdef TRACE
            if (trace) trace->dump(2 * time + 1 - level);
#endif
        }
        time++;
        listen();
    }

    // Samples `tx` in the middle of each bit of a byte whose start bit was seen `phase` clocks ago.
    void listen() {
        if (phase == 0 && top.tx) return;
        phase++;
        if (phase % divisor != divisor / 2) return;
        const int bit = phase / divisor;
        if (bit == 0 && top.tx) phase = 0;  // no start bit: the line falls for a clock before the board is reset
        if (bit >= 1 && bit <= 8) heard = heard >> 1 | (top.tx ? 0x80u : 0u);
        if (bit < FRAME_BITS - 1) return;
        std::putchar(static_cast<int>(heard));
        silence = 0;
        phase = 0;
        if (heard == 0) {
            std::fflush(stdout);
            answered = true;
        }
    }

    const int divisor;
    const uint32_t silence_clocks;
    VerilatedContext context;
    Vganglion_top top{&context};
    uint64_t time = 0;
    int phase = 0;
    unsigned heard = 0;
    uint32_t silence = 0;
    bool answered = false;
#ifdef TRACE
    std::unique_ptr<VerilatedVcdC> trace;
#endif
};

}  // namespace

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const auto silence_clocks = static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10));
    Bench bench(std::atoi(argv[1]), silence_clocks, argc > 3 ? argv[3] : nullptr);
    for (int byte = std::getchar(); byte != EOF; byte = std::getchar()) {
        bench.send(static_cast<unsigned>(byte));
        if (byte == 0) bench.await_answer();
    }
    return 0;
}
