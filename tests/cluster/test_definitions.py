"""The definitions for SLURM and Kubernetes in configs/cluster."""

import os
import subprocess
from pathlib import Path

import pytest
import ray
import yaml

from tests.cluster.test_hosts import command_lines

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "cluster"

# As from Slurm 22.05 on, a step has the CPUs that it is told of and not those of its job.
SRUN = """#!/bin/sh
[ "$SRUN_CPUS_PER_TASK" = "$SLURM_CPUS_PER_TASK" ] || { echo "a step without CPUs" >&2; exit 1; }
while [ "${1#-}" != "$1" ]; do
    case $1 in --nodelist=*) export HOME="$MACHINES/${1#*=}" ;; esac
    case $1 in --exclude=*) export HOME="$MACHINES/others" ;; esac
    shift
done
mkdir -p "$HOME"
exec "$@"
"""
# Of `scontrol show hostnames`; the job's own machine is this one.
SCONTROL = """#!/bin/sh
printf '127.0.0.1\\nnode2\\n'
"""
JOB = 4321


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """What a job of two machines with one CPU each finds when it starts."""
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    values = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(CONFIGS.parents[1]),
        "HOME": str(tmp_path),
        "MACHINES": str(tmp_path / "machines"),
        "SLURM_JOB_ID": str(JOB),
        "SLURM_JOB_NODELIST": "127.0.0.1,node2",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_PER_TASK": "1",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return tmp_path


PROBE = """
import os
from cluster.connect import ClusterConfig, connected
with connected(ClusterConfig(), ()) as workers:
    print(workers, "workers", os.environ["RAY_ADDRESS"], os.environ["RAY_AUTH_MODE"])
raise SystemExit(7)
"""


def test_a_slurm_job_runs_a_command_on_all_its_machines(slurm):
    job = subprocess.run(
        ["bash", str(CONFIGS / "slurm.sh"), "python", "-c", PROBE],
        cwd=slurm,
        capture_output=True,
        text=True,
        timeout=200,
    )
    address = f"127.0.0.1:{20000 + JOB}"
    assert f"2 workers {address} token" in job.stdout, job.stderr
    assert "2 nodes, 2 CPUs" in job.stdout
    assert job.returncode == 7
    assert not [line for line in command_lines() if address in line]
    # Not even the token is left behind.
    assert not (slurm / ".ray" / "auth_token").exists()


# Of the documented RayCluster (ray.io/v1) and of a pod: the fields that are used here.
RAY_CLUSTER = {"rayVersion", "headGroupSpec", "workerGroupSpecs"}
HEAD = {"rayStartParams", "template"}
WORKERS = HEAD | {"groupName", "replicas", "minReplicas", "maxReplicas"}
POD = {"containers", "volumes"}
CONTAINER = {"name", "image", "env", "ports", "resources", "volumeMounts"}


def test_every_container_of_the_kuberay_cluster_asks_for_the_token():
    claim, cluster = yaml.safe_load_all((CONFIGS / "kuberay.yaml").read_text())
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    spec = cluster["spec"]
    assert set(spec) == RAY_CLUSTER
    assert spec["rayVersion"] == ray.__version__
    assert set(spec["headGroupSpec"]) == HEAD
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    for group in groups:
        assert set(group) <= WORKERS
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod = group["template"]["spec"]
        assert set(pod) == POD
        volumes = {volume["name"]: volume["persistentVolumeClaim"] for volume in pod["volumes"]}
        assert volumes["data"]["claimName"] == claim["metadata"]["name"]
        for container in pod["containers"]:
            assert set(container) <= CONTAINER
            env = {entry["name"]: entry for entry in container["env"]}
            assert env["RAY_AUTH_MODE"]["value"] == "token"
            secret = env["RAY_AUTH_TOKEN"]["valueFrom"]["secretKeyRef"]
            assert secret == {"name": "multi3net-plus-token", "key": "auth_token"}
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes)
    for group in spec["workerGroupSpecs"]:
        assert set(group) == WORKERS
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_the_image_is_made_of_what_is_there():
    root = CONFIGS.parents[1]
    lines = (CONFIGS / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY ")]
    assert copied
    assert all((root / name).exists() for name in copied)
