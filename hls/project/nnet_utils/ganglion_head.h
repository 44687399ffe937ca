// From output codes to action codes (docs/numerics.md, rule 4), for hls4ml's C++.
//
// GANGLION_BITS(x, W) are the lowest W bits of a fixed-point value, GANGLION_SET(x, W, code) puts them back: the two
// libraries of fixed-point types, ap_types and ac_types, say that in two ways.
#ifndef GANGLION_HEAD_H_
#define GANGLION_HEAD_H_

#include "ganglion_tanh_nodes.h"
#include "nnet_common.h"

#ifdef GANGLION_AC_TYPES
#define GANGLION_BITS(x, W) ((x).template slc<W>(0).to_int())
#define GANGLION_SET(x, W, code) (x).set_slc(0, ac_int<W, true>(code))
#else
#define GANGLION_BITS(x, W) ((x).range((W)-1, 0).to_int())
#define GANGLION_SET(x, W, code) (x).range((W)-1, 0) = ap_int<W>(code)
#endif

namespace nnet {

struct ganglion_head_config {
    static const unsigned n_in = 1;
    static const unsigned n_out = 1;
    static const int exponent = -10;
};

inline int ganglion_signed16(int bits) { return (bits & 0xFFFF) < 0x8000 ? bits & 0xFFFF : (bits & 0xFFFF) - 0x10000; }

template <class data_T, class res_T, typename CONFIG_T>
void ganglion_tanh(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_out]) {
    static const int fraction_bits = -3 - CONFIG_T::exponent;
    #pragma HLS PIPELINE II=1
    for (unsigned i = 0; i < CONFIG_T::n_out; i++) {
        #pragma HLS UNROLL
        const int code = ganglion_signed16(GANGLION_BITS(data[i], 16));
        const int magnitude = code < 0 ? -code : code;
        const int segment = magnitude >> fraction_bits;
        int value = ganglion_tanh_nodes[GANGLION_TANH_SEGMENTS];
        if (segment < GANGLION_TANH_SEGMENTS) {
            const int left = ganglion_tanh_nodes[segment];
            const int slope = ganglion_tanh_nodes[segment + 1] - left;
            const int fraction = magnitude & ((1 << fraction_bits) - 1);
            value = left + ((slope * fraction + (1 << fraction_bits >> 1)) >> fraction_bits);
        }
        GANGLION_SET(res[i], 16, code < 0 ? -value : value);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void ganglion_clip(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_out]) {
    #pragma HLS PIPELINE II=1
    for (unsigned i = 0; i < CONFIG_T::n_out; i++) {
        #pragma HLS UNROLL
        const int code = ganglion_signed16(GANGLION_BITS(data[i], 16)) * (1 << (15 + CONFIG_T::exponent));
        GANGLION_SET(res[i], 16, code < -32768 ? -32768 : code > 32767 ? 32767 : code);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void ganglion_argmax(data_T data[CONFIG_T::n_in], res_T res[CONFIG_T::n_out]) {
    #pragma HLS PIPELINE II=1
    int index = 0;
    for (unsigned i = 1; i < CONFIG_T::n_in; i++) {
        #pragma HLS UNROLL
        if (data[i] > data[index]) index = i;
    }
    GANGLION_SET(res[0], 16, index);
}

} // namespace nnet

#endif
