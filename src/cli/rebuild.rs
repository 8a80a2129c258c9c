//! `backstamp rebuild`: read models emptied and folded again from the first event. The server may run
//! beside it; whoever is faster moves the checkpoint.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};

use crate::event_log::{Consumer, EventLog, Subscription, checkpoint};
use crate::projections::{self, Projection};

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
        empty(log, projection.as_ref()).await?;
        catch_up(log, Arc::clone(projection)).await?;
    }
    Ok(())
}

/// Empties the tables and puts the checkpoint back, in one transaction.
async fn empty(log: &EventLog, projection: &dyn Projection) -> anyhow::Result<()> {
    checkpoint::ensure(log.database(), projection).await?;
    loop {
        let mut transaction = log.database().begin().await?;
        if checkpoint::lock(&mut transaction, projection).await?.is_none() {
            // A server is writing a batch; it takes milliseconds.
            drop(transaction);
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        for table in projection.tables() {
            transaction.execute(&format!("DELETE FROM {table}"), &[]).await?;
        }
        checkpoint::advance(&mut transaction, projection, 0, log.clock().now()).await?;
        transaction.commit().await?;
        return Ok(());
    }
}

async fn catch_up(log: &EventLog, projection: Arc<dyn Projection>) -> anyhow::Result<()> {
    let name = projection.name();
    let goal = log.last_position().await?;
    let bar = progress(name, goal);
    let consumer: Arc<dyn Consumer> = projection;
    let mut subscription = Subscription::new(log.clone(), consumer);
    loop {
        let position = checkpoint::position(log.database(), name).await?;
        bar.set_position(u64::try_from(position).unwrap_or_default());
        if position >= goal {
            break;
        }
        if subscription.turn().await? == crate::event_log::Turn::NotOurs {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    bar.finish_and_clear();
    println!("{name}: rebuilt from {goal} events in {:.1} s", bar.elapsed().as_secs_f64());
    Ok(())
}

/// Hidden when the output is not a terminal.
fn progress(name: &'static str, goal: i64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:12} {bar:40} {pos}/{len} events, {per_sec}, {eta} left")
        .expect("the template is well-formed");
    ProgressBar::new(u64::try_from(goal).unwrap_or_default()).with_style(style).with_message(name)
}
