# English, the language that every other one falls back to.
#
# How to read this file: `name = text`. A name belongs to the program and stays as it is; the text is yours.
# A longer text may go on in indented lines. What stands in braces is filled in: { $brand } is the name of the
# service and can be used everywhere. All files of this folder have the same names with the same variables; a
# name that a language lacks is said in English. The syntax is Fluent's: https://projectfluent.org/fluent/guide/

## Times and spans

# $day 1–31, $month 1–12 (chooses a line), $year, $hour and $minute with two digits; always UTC.
moment = { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
} { $year }, { $hour }:{ $minute } UTC

# A span in its largest even unit.
duration-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
duration-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
duration-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}

## What is wrong with what was typed into a form

fault-invalid-email = That is not an e-mail address.
fault-too-long = That is too long.
password-mismatch = The two passwords are not the same.
# $min: characters.
password-too-short = { $min ->
    [one] Use at least { $min } character.
   *[other] Use at least { $min } characters.
}
# $max: characters.
password-too-long = Use at most { $max } characters.
password-too-common = This is one of the passwords that are tried first. Use something less common.
password-contains-address = Use something other than your e-mail address.

## Page: forgot password

forgot-title = Forgot your password?
forgot-intro = Tell us the address of your account, and we mail you a link to choose a new one.
forgot-email = E-mail address
forgot-submit = Send me a link

## Page: the link is on its way

sent-title = Check your mail
# $duration: for how long the link works, such as “1 hour”.
sent-intro = If the address belongs to an account, a link is on its way. It works for { $duration }, once.
# $again: the link “ask again”.
sent-nothing = Nothing there after some minutes? Look into the spam folder, check the address, and { $again }.
sent-again = ask again

## Page: choose a new password

reset-title = Choose a new password
# $account: the masked address. $min: characters.
reset-intro = For the account { $account }. At least { $min } characters; a few words make a good one.
reset-new = New password
reset-new-again = New password, again
reset-submit = Change password
reset-consequence = You will be signed out everywhere.

## Page: the password was changed

changed-title = Your password was changed
changed-intro = You were signed out everywhere. Sign in again with the new password.
changed-continue = Continue

## Page: sign in

login-title = Sign in
login-intro = Go back to the application that you came from, and sign in there with your password.
login-forgot = Forgot your password?

## Notices: what went wrong, and the next step

notice-token-invalid-title = This link is not valid
notice-token-invalid-text = It may be incomplete. Open it from the mail again, or ask for a new one.
notice-token-expired-title = This link has expired
notice-token-expired-text = For your safety links work for a limited time only.
notice-token-used-title = This link was used already
notice-token-used-text = Each link works once. If it was you, sign in with your new password.
notice-token-superseded-title = This link no longer works
notice-token-superseded-text = A newer link was mailed to you, or the account has changed since. Use the newest mail, or ask again.
notice-token-revoked-title = This link was revoked
notice-token-revoked-text = It can no longer be used.
notice-forbidden-title = That did not come from our page
notice-forbidden-text = Open the page again and send the form from there; cookies must be allowed.
notice-rate-limited-title = Too many requests
notice-rate-limited-text = Wait a while, then try again.
notice-unavailable-title = We cannot do that right now
notice-unavailable-text = Nothing is lost. Try again in a minute.
notice-internal-title = Something went wrong here
notice-internal-text = Nothing you did. Try again in a minute.
notice-unreadable-title = We cannot read that
notice-unreadable-text = Go back and send the form again.
notice-ask-again = Ask for a new link
notice-sign-in = Sign in

## Mails: how all of them begin

mail-hello = Hello,
# $name: of the recipient.
mail-hello-name = Hello { $name },

## Mail: reset the password

reset-mail-subject = Reset your { $brand } password
# $requested: a moment.
reset-mail-intro = Somebody, hopefully you, asked to reset the password of your { $brand } account on { $requested }.
# $duration: a span. $expires: a moment.
reset-mail-open = To choose a new password, open this link within { $duration } (until { $expires }). It works once.
reset-mail-button = Choose a new password
reset-mail-works = The link works once, within { $duration } (until { $expires }). If the button does not work, copy the link:
reset-mail-ignore = If it was not you, there is nothing to do: your password stays as it is. Do not forward this mail; whoever has the link can choose the password.

## Mail: the password was changed

changed-mail-subject = Your { $brand } password was changed
# $changed: a moment.
changed-mail-intro = The password of your { $brand } account was changed on { $changed }. You were signed out everywhere; sign in again with the new password.
changed-mail-fine = If it was you, there is nothing to do.
changed-mail-not-you = If it was not you, choose a new password right away:
changed-mail-button = Reset my password
