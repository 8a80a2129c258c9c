//! The program from outside: real processes, real HTTP, and whatever can go wrong between them.

#[path = "../support/mod.rs"]
mod support;

mod account_change_kills;
mod accounts_command;
mod address_changes;
mod bad_input;
mod bounces;
mod command_line;
/// Only Linux has a whole network of loopback addresses.
#[cfg(target_os = "linux")]
mod crowds;
mod dashboard;
mod demo;
mod doctor;
mod keys;
mod kills;
mod monitoring;
mod operators_terminal;
mod outages;
mod prometheus;
mod races;
mod rebuild;
mod registration_kills;
mod registrations;
mod secrets;
mod sending;
mod silence;
mod smtp;
mod suppressions;
mod the_loop;
mod used_up_mails;
mod webhooks;
mod worked_day;
