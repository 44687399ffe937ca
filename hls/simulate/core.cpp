// Drives the verilated module `ganglion_actor` from standard input.
//
// core FEATURES ACTIONS CODE_BITS [TRACE.vcd]: for each inference reads FEATURES int16 and writes ACTIONS int16 and
// the uint32 number of clocks from the one that takes the last code to the one that gives the last action
// (little endian). An inference that does not end within CLOCK_LIMIT clocks ends the program with status 1.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "Vganglion_actor.h"
#include "verilated.h"
#ifdef TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

constexpr uint32_t CLOCK_LIMIT = 1u << 24;
constexpr int RESET_CLOCKS = 16;

class Bench {
  public:
    explicit Bench(const char *trace_path) {
#ifdef TRACE
        if (trace_path != nullptr) {
            context.traceEverOn(true);
            trace = std::make_unique<VerilatedVcdC>();
            actor.trace(trace.get(), 99);
            trace->open(trace_path);
        }
#else
        (void)trace_path;
#endif
        actor.clk = 0;
        actor.reset = 1;
        actor.code_valid = 0;
        for (int clock = 0; clock < RESET_CLOCKS; clock++) tick();
        actor.reset = 0;
    }

    ~Bench() {
#ifdef TRACE
        if (trace) trace->close();
#endif
        actor.final();
    }

    bool infer(const std::vector<int16_t> &codes, std::vector<int16_t> &actions, unsigned code_bits, uint32_t &clocks) {
        const unsigned mask = (1u << code_bits) - 1u;
        actor.code_valid = 1;
        for (const int16_t code : codes) {
            actor.code = static_cast<unsigned>(code) & mask;
            tick();
        }
        actor.code_valid = 0;
        size_t received = 0;
        for (clocks = 1; clocks < CLOCK_LIMIT; clocks++) {
            const bool valid = actor.action_valid, last = actor.action_last;
            if (valid && received < actions.size()) actions[received++] = static_cast<int16_t>(actor.action);
            tick();
            if (last) return received == actions.size();
        }
        return false;
    }

  private:
    void tick() {
        for (int level = 1; level >= 0; level--) {
            actor.clk = level;
            actor.eval();
#ifdef TRACE
            if (trace) trace->dump(2 * time + 1 - level);
#endif
        }
        time++;
    }

    VerilatedContext context;
    Vganglion_actor actor{&context};
    uint64_t time = 0;
#ifdef TRACE
    std::unique_ptr<VerilatedVcdC> trace;
#endif
};

}  // namespace

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    std::vector<int16_t> codes(std::strtoul(argv[1], nullptr, 10)), actions(std::strtoul(argv[2], nullptr, 10));
    const unsigned code_bits = static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10));
    Bench bench(argc > 4 ? argv[4] : nullptr);
    while (std::fread(codes.data(), sizeof(int16_t), codes.size(), stdin) == codes.size()) {
        uint32_t clocks = 0;
        if (!bench.infer(codes, actions, code_bits, clocks)) {
            std::fprintf(stderr, "no whole action within %u clocks\n", clocks);
            return 1;
        }
        std::fwrite(actions.data(), sizeof(int16_t), actions.size(), stdout);
        std::fwrite(&clocks, sizeof clocks, 1, stdout);
        std::fflush(stdout);
    }
    return 0;
}
