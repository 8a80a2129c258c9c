//! A new password, typed twice; shared by every form that asks for one.

use secrecy::SecretString;

use super::super::fields;
use super::Visit;
use super::form::{Form, Wrong};
use crate::domain::password::PasswordRejection;
use crate::rendering::Text;

/// Takes it out of the form, if both fields hold the same. Whether it is good enough is the policy's to say.
pub fn take(form: &mut Form, field: &'static str, again: &'static str) -> Result<SecretString, Wrong> {
    let password = form.take(field);
    if password.is_empty() {
        return Err(Wrong::field(field, Text::new("fault-no-new-password")));
    }
    if password != form.take(again) {
        return Err(Wrong::field(again, Text::new("password-mismatch")));
    }
    fields::password(&password).map_err(|fault| Wrong::value(field, &fault))?;
    Ok(password.into())
}

/// Why the policy refused it.
pub fn rejected(visit: &Visit, field: &'static str, rejections: &[PasswordRejection]) -> Vec<Wrong> {
    let policy = visit.state.policy;
    let text = |rejection: &PasswordRejection| {
        Text::new(format!("password-{}", rejection.code.replace('_', "-")))
            .with("min", policy.min_length)
            .with("max", policy.max_length)
    };
    rejections.iter().map(|rejection| Wrong::field(field, text(rejection))).collect()
}
