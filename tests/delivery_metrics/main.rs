//! From events to answers: what the projections fold, the queries tell, whatever the order of arrival.

mod agreement;
mod bounces;
mod funnel;
mod history;
mod latency;
mod log;
mod rollups;
mod timelines;
mod worked_day;
