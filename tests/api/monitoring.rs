//! The alerts and a real Prometheus, with the programs of Debian's package `prometheus`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::support::{Api, Installation, eventually, free_port};

/// A program of the package, which `scripts/test` installs.
fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

fn rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/prometheus")
}

#[tokio::test]
async fn the_alerts_pass_their_tests_and_the_configuration_is_valid() {
    for arguments in [
        ["check", "rules", "rules.yml"].as_slice(),
        &["test", "rules", "rules.test.yml"],
        &["check", "config", "--syntax-only", "prometheus.yml"],
    ] {
        let output = program("promtool").args(arguments).current_dir(rules()).output().await;
        let output = output.expect("promtool runs; it is in the package prometheus");

        let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "promtool {arguments:?}: {told}");
    }
}

/// Starts a Prometheus that scrapes this address and has our rules.
fn start_prometheus(folder: &Path, port: u16, target: u16) -> Child {
    let config = std::fs::read_to_string(rules().join("prometheus.yml")).expect("the configuration is there");
    let config = config
        .replace("backstamp:9090", &format!("127.0.0.1:{target}"))
        .replace("15s", "1s")
        .replace("rules.yml", &rules().join("rules.yml").display().to_string());
    std::fs::write(folder.join("prometheus.yml"), config).expect("the folder can be written to");
    program("prometheus")
        .arg("--config.file=prometheus.yml")
        .arg("--storage.tsdb.path=tsdb")
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus runs; it is in the package prometheus")
}

/// The first value of a query, once there is one.
async fn query(prometheus: &Api, query: &str) -> Option<f64> {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let path = format!("/api/v1/query?query={query}");
    if prometheus.status(&path).await != Some(200) {
        return None;
    }
    let answer = prometheus.get(&path).await;
    answer.body["data"]["result"][0]["value"][1].as_str()?.parse().ok()
}

#[tokio::test]
async fn a_real_prometheus_scrapes_the_program_and_evaluates_the_alerts() {
    let mut installation = Installation::new().await;
    let (metrics, port) = (free_port(), free_port());
    installation.set("BACKSTAMP_METRICS_LISTEN", &format!("127.0.0.1:{metrics}"));
    installation.account("ada@example.test").await;
    let program = installation.start().await;
    let folder = tempfile::tempdir().expect("a folder is made");
    let _prometheus = start_prometheus(folder.path(), port, metrics);
    let prometheus = Api::new(format!("http://127.0.0.1:{port}"));

    program.api.request_reset("ada@example.test").await;

    let delivered = "backstamp_message_events_total{event='delivered',template='password-reset'}";
    let counted =
        eventually("the delivery is in Prometheus", async || query(&prometheus, delivered).await).await;
    let up = query(&prometheus, "up{job='backstamp'}").await;
    let groups = eventually("the rules are evaluated", async || {
        let answer = prometheus.get("/api/v1/rules").await;
        let groups = answer.body["data"]["groups"].as_array()?.clone();
        let rules = || groups.iter().filter_map(|group| group["rules"].as_array()).flatten();
        rules().all(|rule| rule["health"] != "unknown").then_some(groups)
    })
    .await;
    let rules = groups.iter().filter_map(|group| group["rules"].as_array()).flatten();
    let faulty: Vec<&Value> = rules.filter(|rule| rule["health"] != "ok").collect();
    assert_eq!((counted, up), (1.0, Some(1.0)));
    assert!(faulty.is_empty(), "{faulty:?}");
}
