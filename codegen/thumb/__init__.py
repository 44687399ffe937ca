"""Straight-line Thumb code: operations on named values, registers for them, and their text.

operation.py says what is to be computed, order.py in which order, allocate.py in which registers; immediate.py knows
what one instruction can hold. Sources: ARMv7-M Architecture Reference Manual, ARM DDI 0403E (encodings), and the
Cortex-M4 Technical Reference Manual, ARM DDI 0439D, section 3.3 (timing).
"""
