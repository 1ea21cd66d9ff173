#!/bin/bash
#SBATCH --job-name=multi3net-plus
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --time=12:00:00
# One Ray node on each machine of the job, and a command that uses them all, from the checkout:
#   sbatch configs/cluster/slurm.sh python -m datagen generate --config configs/datagen/demo.yaml
set -euo pipefail
export PATH="$PWD/.venv/bin:$PATH"

# A token for this job alone; srun hands the environment on, so it stands in no file.
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=$((20000 + SLURM_JOB_ID % 10000))
export RAY_ADDRESS=$head:$port
# From Slurm 22.05 on, a step does not have its job's CPUs unless it is told.
export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
node=(--block --num-cpus="$SLURM_CPUS_PER_TASK")

# When the command ends, so do the nodes.
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
# Ray itself must not read RAY_ADDRESS while its head starts.
env -u RAY_ADDRESS srun --nodes=1 --ntasks=1 --nodelist="$head" \
    ray start --head --port="$port" --include-dashboard=false "${node[@]}" &
python -m cluster wait 1
if ((SLURM_JOB_NUM_NODES > 1)); then
    srun --nodes=$((SLURM_JOB_NUM_NODES - 1)) --ntasks=$((SLURM_JOB_NUM_NODES - 1)) \
        --exclude="$head" ray start --address="$RAY_ADDRESS" "${node[@]}" &
fi
python -m cluster wait "$SLURM_JOB_NUM_NODES"
"$@"
