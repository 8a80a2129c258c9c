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

# Such as “Firefox on Windows”.
browser-on = { $browser } on { $system }

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

fault-invalid-email = Enter one e-mail address, such as name@example.com.
fault-too-long = That is too long.
fault-control-character = That has a character that cannot be used here.
fault-stale = This page was open for too long, or its cookie is gone. Nothing has been sent yet: please check it and send it once more.
fault-no-password = Enter your password.
fault-no-new-password = Enter a new password.
fault-credentials = This address and this password do not go together.
fault-wrong-password = This is not your current password.
fault-same-address = This is your address already.
fault-wrong-registration-password = This is not the password of this registration.
# $minutes: until it can be tried again.
fault-rate-limited = Too many requests. { $minutes ->
    [one] Wait a minute, then try again.
   *[other] Wait { $minutes } minutes, then try again.
}
fault-unavailable = We cannot do that right now. Nothing is lost: send it again in a minute.
fault-internal = Something went wrong here, nothing you did. Send it again in a minute.
fault-invalid-name = A name has at most 100 characters, all of them visible.
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

## Pages: what surrounds every one of them

# What this language calls itself.
language-name = English
page-skip = Skip to the content
# Before the title of a page with a form that was refused.
page-error = Error:
page-support = Help
page-languages = Language

## Pages: forms

form-problem = Please check this
form-show = Show
form-hide = Hide
# $field: the label of a password field. For screen readers.
form-show-what = Show: { $field }
# $field: the label of a password field. For screen readers.
form-hide-what = Hide: { $field }
field-email = E-mail address
field-name = Name
field-name-hint = Optional. We greet you with it in mails.
field-password = Password
field-password-again = Password, again
field-current-password = Current password
field-new-email = New e-mail address
# $min: characters.
field-new-password-hint = { $min ->
    [one] At least { $min } character. A few words in a row make a good one.
   *[other] At least { $min } characters. A few words in a row make a good one.
}
strength-short = Too short
strength-weak = Easy to guess
strength-fair = Fair
strength-good = Good
strength-strong = Strong

## Page: sign in

login-title = Sign in
login-submit = Sign in
login-forgot = Forgot your password?
login-new-here = New here?
login-register = Create an account
login-draft-title = Your session has ended
login-draft-text = What you typed is kept. Sign in, and you can send it again.
signed-in-title = You are signed in
# $account: an address.
signed-in-text = As { $account }.
signed-in-continue = Go to my account
unverified-title = Confirm your address first
# $address: an e-mail address.
unverified-text = Your password is right. But the address { $address } has not been confirmed yet: open the link that we mailed to you when you registered.
unverified-resend = Mail me a new link

## Page: create an account

register-title = Create an account
register-intro = We mail you a link, to make sure that the address is yours.
register-submit = Create account
register-known = You have an account?

## Page: the link is on its way

sent-title = Check your mail
# $duration: for how long the link works, such as “1 hour”.
sent-intro = If the address belongs to an account, a link is on its way. It works for { $duration }, once.
# $again: the link “ask again”.
sent-nothing = Nothing there after some minutes? Look into the spam folder, check the address, and { $again }.
sent-again = ask again
sent-look = Nothing there after some minutes? Look into the spam folder, and check the address.
# $address: an e-mail address. $duration: for how long the link works.
registered-text = A mail to { $address } is on its way. Open the link in it to confirm the address; it works for { $duration }.
# $address: an e-mail address. $duration: for how long the link works.
resent-text = If { $address } has yet to be confirmed, a mail is on its way. Open the link in it; it works for { $duration }.
# $reset: the link “ask for a new password”.
registered-otherwise = If no mail comes, or somebody else has registered with your address, { $reset }: that proves the address too, and the account is yours.
registered-reset = ask for a new password
verification-resend = Send it again

## Page: confirm an address

verify-title = Confirm your address
# $account: the masked address.
verify-intro = For the account { $account }.
# $account: the masked address.
verify-change-intro = { $account } becomes the address of your account.
verify-registration-hint = The one that you chose when you registered.
verify-account-hint = The password of your account.
verify-submit = Confirm
verified-title = Your address is confirmed
verified-text = You can sign in now.
address-changed-title = Your address was changed
address-changed-text = From now on you sign in with the new one. You were signed out everywhere.
resend-title = Confirm your address
resend-intro = Open the link in the mail that we sent to you. If there is none, or it does not work any more, ask for a new one.

## Page: forgot password

forgot-title = Forgot your password?
forgot-intro = Tell us the address of your account, and we mail you a link to choose a new one.
forgot-submit = Send me a link
forgot-sign-in = Back to signing in

## Page: choose a new password

reset-title = Choose a new password
# $account: the masked address.
reset-intro = For the account { $account }.
reset-new = New password
reset-new-again = New password, again
reset-submit = Change password
reset-consequence = You will be signed out everywhere.

## Page: the password was changed

changed-title = Your password was changed
changed-intro = You were signed out everywhere. Sign in again with the new password.
changed-continue = Continue

## Page: the account

account-title = Your account
account-profile = Profile
account-since = Account since
account-save-name = Save name
account-change-address = Change the e-mail address
account-address-intro = We mail a link to the new address. The change takes place once you open it there and give your password; you are signed out everywhere then.
account-address-submit = Mail me a link
account-password = Password
account-password-intro = Changing it signs you out everywhere else.
account-sessions = Where you are signed in
account-sign-out = Sign out
account-dashboard = Dashboard
account-delete = Delete the account
account-delete-open = I want to delete my account
account-delete-intro = This cannot be undone: the account, its sessions and its links are gone at once.
account-delete-submit = Delete my account for good
session-unknown = Unknown browser
session-current = This one
# $since and $used: moments.
session-times = Since { $since }. Last used { $used }.
session-revoke = Sign out
# $browser: such as “Firefox on Windows”. $since: a moment. For screen readers.
session-revoke-what = Sign out: { $browser }, since { $since }
session-revoke-others = Sign out everywhere else

## Pages: what has just been done

told-name = Your name was changed.
told-address = A link is on its way to the new address. Until you open it, your address stays as it is.
told-password = Your password was changed. You are signed out everywhere else.
told-session = That session was signed out.
told-sessions = You are signed out everywhere else.
told-ended = Your session has ended. Please sign in again.
told-draft = What you typed has not been saved yet. Check it, and send it again.
told-signed-out = You are signed out.
told-deleted = Your account was deleted.

## Pages: a link that does not work

link-missing-title = Open the link in the mail
link-missing-text = This page needs a link from a mail of ours. It was opened without one, or too long ago: links are forgotten after 15 minutes without use. Open it from the mail again.
link-invalid-title = This link is not valid
link-invalid-text = It may be incomplete. Open it from the mail again, or ask for a new one.
link-expired-title = This link has expired
link-expired-text = For your safety links work for a limited time only.
link-used-title = This link was used already
link-used-reset = Each link works once. If it was you, sign in with your new password.
link-used-verify = Each link works once. If it was you, the address is confirmed, and you can sign in.
link-superseded-title = This link no longer works
link-superseded-text = A newer link was mailed to you, or the account has changed since. Use the newest mail, or ask again.
link-revoked-title = This link was revoked
link-revoked-text = It can no longer be used.
link-ask-reset = Ask for a new link
link-ask-verify = Ask for a new link

## Pages: what else can be in the way, and the next step

no-operator-title = This is for operators
no-operator-text = You are signed in as { $email }. This account does not have the role “{ $role }”, which the dashboard needs.
no-operator-how = An administrator can give it to this account; it holds from the next page on:
no-operator-new = On the server itself, an account of its own for operating is made like this:
no-operator-sign-out = Sign out and use another account
notice-forbidden-title = That did not come from our page
notice-forbidden-text = Open the page again and send the form from there.
notice-unauthorized-title = Please sign in
notice-unauthorized-text = This page is for people who are signed in.
notice-not-found-title = There is nothing here
notice-not-found-text = The address may be mistyped, or the page may have moved.
notice-method-title = This page cannot be opened like that
notice-method-text = Go back, and use the buttons of the page.
notice-rate-limited-title = Too many requests
notice-rate-limited-text = Wait a while, then try again.
notice-unavailable-title = We cannot do that right now
notice-unavailable-text = Nothing is lost. Try again in a minute.
notice-internal-title = Something went wrong here
notice-internal-text = Nothing you did. Try again in a minute.
notice-unreadable-title = We cannot read that
notice-unreadable-text = Go back and send the form again.
notice-sign-in = Sign in
notice-account = Go to my account
notice-forgot = Forgot your password?

## Mails: what several have in common

mail-hello = Hello,
# $name: of the recipient.
mail-hello-name = Hello { $name },
# $address: of people who can help.
mail-support = Questions? Write to { $address }.
# $duration: a span, such as “1 hour”. $expires: a moment.
mail-link-works = The link works once, for { $duration }: until { $expires }.
mail-copy = If the button does not work, copy this link into your browser:
mail-sign-in = Sign in
# In front of the moment and the browser that something was asked for with.
mail-when = When
mail-browser = Browser

## Mail: reset the password

mail-reset-subject = Reset your { $brand } password
# $duration: a span.
mail-reset-preview = Choose a new one within { $duration }. If it was not you who asked, there is nothing to do.
mail-reset-title = Reset your password
mail-reset-intro = Somebody, hopefully you, asked to reset the password of your { $brand } account.
mail-reset-open = To choose a new password, open this link:
mail-reset-button = Choose a new password
mail-reset-ignore = Was it not you? Then there is nothing to do: your password stays as it is.
mail-reset-secret = Do not forward this mail: whoever has the link can choose the password.

## Mail: confirm the address

mail-verify-subject = Confirm your e-mail address for { $brand }
mail-verify-preview = One more step: tell us that this address is yours.
mail-verify-title = Confirm your e-mail address
mail-verify-intro = Somebody, hopefully you, gave this address for an account at { $brand }. Confirm that it is yours, and the account can use it.
mail-verify-open = To confirm the address, open this link:
mail-verify-button = Confirm this address
mail-verify-password = You may be asked for the password of the account, so that nobody else can confirm it for you.
mail-verify-ignore = Was it not you? Then there is nothing to do: without you the address is not used.
# An address follows, in a line of its own.
mail-verify-otherwise = If somebody else registered with your address and you want the account, or if you do not know its password, choose a new one here, which confirms the address too:

## Mail: the password was changed

mail-changed-subject = Your { $brand } password was changed
mail-changed-preview = If it was not you, choose a new one right away.
mail-changed-title = Your password was changed
# $changed: a moment.
mail-changed-intro = The password of your { $brand } account was changed on { $changed }. Other devices were signed out; they need the new password now.
mail-changed-fine = If it was you, there is nothing to do.
mail-changed-not-you = If it was not you, choose a new password right away:
mail-changed-button = Reset my password

## Mail: the address was changed (to the former address)

mail-address-subject = The e-mail address of your { $brand } account was changed
mail-address-preview = Mail about your account goes elsewhere from now on.
mail-address-title = Your e-mail address was changed
# $changed: a moment. $address: the new address, masked.
mail-address-intro = Your { $brand } account was given the address { $address } on { $changed }. Mail about it goes there from now on, and no longer here.
mail-address-not-you = If it was not you, somebody else may have your account: get in touch with the people behind { $brand } right away.
# $support: the address of people who can help.
mail-address-not-you-support = If it was not you, somebody else may have your account: write to { $support } right away.

## Mail: somebody used the address of an account again

mail-registered-subject = You already have a { $brand } account
mail-registered-preview = Sign in, or choose a new password if you do not remember it.
mail-registered-title = You already have an account
mail-registered-intro = Somebody, hopefully you, wanted to use this address for a { $brand } account. It belongs to yours already, so nothing was changed.
mail-registered-sign-in = Sign in with the password that you have:
# $again: the link “choose a new one”.
mail-registered-forgot = You do not remember the password? Then { $again }.
mail-registered-again = choose a new one
mail-registered-reset = If you do not remember it, choose a new one:
mail-registered-ignore = Was it not you? Then there is nothing to do: nobody got into your account.

## Mail: welcome

mail-welcome-subject = Welcome to { $brand }
mail-welcome-preview = Your address is confirmed, and your account is ready.
mail-welcome-title = Welcome to { $brand }
mail-welcome-intro = Thank you: your e-mail address is confirmed, and your account is ready.
mail-welcome-sign-in = Sign in here:
