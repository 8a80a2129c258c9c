//! `backstamp rebuild`: read models made anew from the first event, beside the live ones, and put in their place. A
//! server may run meanwhile; its answers are complete all the time.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::output::say;
use crate::event_log::{ConsumeError, EventLog};
use crate::projections::{self, Projection, Rebuild, RebuildError};

/// Failures in a row before it is given up.
const PATIENCE: u32 = 12;
const PAUSE: Duration = Duration::from_millis(250);

/// Rebuilds one projection, or all.
pub async fn run(log: &EventLog, name: Option<&str>) -> anyhow::Result<()> {
    let all = projections::projections();
    let chosen: Vec<_> =
        all.iter().filter(|projection| name.is_none_or(|name| name == projection.name())).collect();
    if chosen.is_empty() {
        let names: Vec<_> = all.iter().map(|projection| projection.name()).collect();
        bail!("there is no projection {}; there are {}", name.unwrap_or_default(), names.join(", "));
    }
    for projection in chosen {
        let name = projection.name();
        rebuild(log, projection)
            .await
            .with_context(|| format!("{name} was not rebuilt; the one that there was goes on"))?;
    }
    Ok(())
}

async fn rebuild(log: &EventLog, projection: &Arc<dyn Projection>) -> anyhow::Result<()> {
    let mut rebuild = Rebuild::begin(log.clone(), Arc::clone(projection)).await?;
    let bar = progress(projection.name());
    let mut failures = 0;
    loop {
        let (position, last) = rebuild.progress().await?;
        bar.set_length(u64::try_from(last).unwrap_or_default());
        bar.set_position(u64::try_from(position).unwrap_or_default());
        let tried = async {
            let goes_on = position < last && rebuild.step().await?;
            Ok::<_, RebuildError>(!goes_on && rebuild.exchange().await?)
        };
        match tried.await {
            Ok(true) => break,
            Ok(false) => failures = 0,
            Err(error) if failures < PATIENCE && may_pass(&error) => {
                failures += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let (events, seconds) = (bar.position(), bar.elapsed().as_secs_f64());
    bar.finish_and_clear();
    let rate = events as f64 / seconds.max(0.001);
    say(format_args!(
        "{}: rebuilt from {events} events in {seconds:.1} s, {rate:.0} a second",
        projection.name()
    ))?;
    Ok(())
}

/// The database comes back; an event that fails is parked after some tries, where the read model allows it.
fn may_pass(error: &RebuildError) -> bool {
    match error {
        RebuildError::Database(error) | RebuildError::Consume(ConsumeError::Database(error)) => {
            error.is_transient()
        }
        RebuildError::Consume(ConsumeError::Event(_)) => true,
        RebuildError::Overtaken | RebuildError::NewerCode => false,
    }
}

/// Hidden when the output is not a terminal.
fn progress(name: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:12} {bar:40} {pos}/{len} events, {per_sec}, {eta} left")
        .expect("the template is well-formed");
    ProgressBar::new(0).with_style(style).with_message(name)
}
