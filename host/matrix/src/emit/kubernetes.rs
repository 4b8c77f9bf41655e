//! Objects of Kubernetes: an indexed Job for all cells, and what it needs. JSON, which is YAML.

use serde_json::{Value, json};

use super::{Job, fill};

/// The largest matrix that a `ConfigMap` holds, in bytes. Source: Kubernetes, Concepts, `ConfigMap`: 1 MiB
/// with all that is around it.
const LARGEST: usize = 1_000_000;

/// Each Pod runs one cell, by its completion index. An outcome that a retry cannot change fails the
/// index at once.
/// Source: KEP-3850 (`backoffLimitPerIndex`), KEP-3329 (`podFailurePolicy`).
pub(super) fn emit(job: &Job<'_>) -> Result<String, String> {
    let image = job.image.ok_or("The text for Kubernetes needs the image of the cells' containers: --image IMAGE.")?;
    let matrix = serde_json::to_string(job.matrix).map_err(|error| error.to_string())?;
    if matrix.len() > LARGEST {
        return Err(format!(
            "The matrix has {} bytes, and a ConfigMap holds {LARGEST}: write several specifications.",
            matrix.len()
        ));
    }
    let indices: Vec<String> = job.indices().iter().map(ToString::to_string).collect();
    let cells = format!("{}\n", indices.join("\n"));
    let objects = [config_map(&matrix, &cells), volume_claim(), cells_job(job, image, indices.len()), collector(image)];
    let objects: Vec<String> =
        objects.iter().map(|object| serde_json::to_string_pretty(object).unwrap_or_default()).collect();
    Ok(fill(include_str!("kubernetes.in"), &[("OBJECTS", &objects.join("\n---\n"))]))
}

fn metadata(name: &str) -> Value {
    json!({"name": name, "labels": {"app.kubernetes.io/name": "modsmith-matrix"}})
}

fn config_map(matrix: &str, cells: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata("modsmith-matrix"),
        "data": {"matrix.json": matrix, "cells": cells},
    })
}

fn volume_claim() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata("modsmith-results"),
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    })
}

fn cells_job(job: &Job<'_>, image: &str, count: usize) -> Value {
    // Completion index N is line N + 1 of the list: cells that a store has are left out.
    let script = format!(
        "cell=$(sed -n \"$((JOB_COMPLETION_INDEX + 1))p\" /matrix/cells)\n\
         modsmith cell --matrix /matrix/matrix.json --index \"$cell\" --results /results --in-place{} || code=$?\n\
         # Excluded is no failure.\n\
         [ \"${{code:-0}}\" -eq 77 ] || exit \"${{code:-0}}\"\n",
        job.shell_options()
    );
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata("modsmith-cells"),
        "spec": {
            "completionMode": "Indexed",
            "completions": count,
            "parallelism": count.min(16),
            "backoffLimitPerIndex": 2,
            "podFailurePolicy": {"rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {"action": "FailIndex", "onExitCodes": {"containerName": "cell", "operator": "In", "values": [10, 21]}},
            ]},
            "template": pod("cell", image, &script),
        },
    })
}

fn collector(image: &str) -> Value {
    let script = "exec modsmith matrix collect /matrix/matrix.json --results /results\n";
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata("modsmith-collect"),
        // A person starts this job, or a program that waits for the cells.
        "spec": {"suspend": true, "template": pod("collect", image, script)},
    })
}

fn pod(name: &str, image: &str, script: &str) -> Value {
    json!({
        "metadata": {"labels": {"app.kubernetes.io/name": "modsmith-matrix"}},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{
                "name": name,
                "image": image,
                "command": ["sh", "-c", script],
                "securityContext": {"allowPrivilegeEscalation": false},
                "volumeMounts": [
                    {"name": "matrix", "mountPath": "/matrix", "readOnly": true},
                    {"name": "results", "mountPath": "/results", "subPath": "results"},
                    // The store of builds: the next run finds what this one has built.
                    {"name": "results", "mountPath": "/var/cache/modsmith", "subPath": "cache"},
                ],
            }],
            "volumes": [
                {"name": "matrix", "configMap": {"name": "modsmith-matrix"}},
                {"name": "results", "persistentVolumeClaim": {"claimName": "modsmith-results"}},
            ],
        },
    })
}
