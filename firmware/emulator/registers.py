"""Cores and core registers by name, and by capstone's number, as unicorn numbers them."""

from __future__ import annotations

from capstone import arm
from unicorn import arm_const

CPU_MODELS = {
    "cortex-m0": arm_const.UC_CPU_ARM_CORTEX_M0,
    "cortex-m0plus": arm_const.UC_CPU_ARM_CORTEX_M0,
    "cortex-m3": arm_const.UC_CPU_ARM_CORTEX_M3,
    "cortex-m4": arm_const.UC_CPU_ARM_CORTEX_M4,
    "cortex-m7": arm_const.UC_CPU_ARM_CORTEX_M7,
    "cortex-m33": arm_const.UC_CPU_ARM_CORTEX_M33,
}
REGISTERS = {
    **{f"r{i}": arm_const.UC_ARM_REG_R0 + i for i in range(13)},
    "sp": arm_const.UC_ARM_REG_SP, "lr": arm_const.UC_ARM_REG_LR,
    "pc": arm_const.UC_ARM_REG_PC, "xpsr": arm_const.UC_ARM_REG_XPSR,
}  # fmt: skip
UNICORN_REGISTERS = {
    **{arm.ARM_REG_R0 + i: arm_const.UC_ARM_REG_R0 + i for i in range(13)},
    arm.ARM_REG_SP: arm_const.UC_ARM_REG_SP, arm.ARM_REG_LR: arm_const.UC_ARM_REG_LR,
    arm.ARM_REG_PC: arm_const.UC_ARM_REG_PC,
}  # fmt: skip
