//! **backstamp**: account mail with proof of arrival.
//!
//! One direction, everywhere: `http` → [`commands`] → events in the [`event_log`] → [`projections`] →
//! [`queries`] → `http`. What takes time or reaches outside hangs off the log: [`reactors`] turn events into
//! work, and every result comes back in as a command. The [`inbox`] is the mirror image: a provider's webhook
//! is verified and stored first, and turned into a command later.
//!
//! | module | what it is for |
//! |---|---|
//! | [`domain`] | rules and facts, pure |
//! | [`event_log`] | the log on two databases: append, streams, subscriptions |
//! | [`commands`] | the only door to the write side |
//! | [`projections`] | the log folded into tables |
//! | [`queries`] | tables turned into answers |
//! | [`accounts`] | the directory of who owns an address |
//! | [`api_keys`] | which services and operators may make which calls |
//! | [`idempotency`] | calls that came before, by the keys their callers gave them |
//! | [`reactors`] | events turned into work: links, mails, settling |
//! | [`inbox`] | received webhooks, stored and then understood |
//! | [`providers`] | Mailgun's protocol, both ways |
//! | [`rendering`] | template and data to subject, text, HTML |
//! | [`charts`] | numbers to SVG |
//! | [`http`] | the API and the pages; poem stays in here |
//! | [`sandbox`] | Mailgun's API for one machine |
//! | [`app`], [`cli`] | what puts the rest together |
//! | [`database`], [`config`], [`clock`], [`telemetry`] | leaves |

#![forbid(unsafe_code)]

pub mod accounts;
pub mod api_keys;
pub mod app;
pub mod charts;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod database;
pub mod dead_letters;
pub mod disclosures;
pub mod domain;
pub mod event_log;
pub mod http;
pub mod idempotency;
pub mod inbox;
pub mod projections;
pub mod providers;
pub mod queries;
pub mod reactors;
pub mod rendering;
pub mod sandbox;
pub mod telemetry;
