# Deutsch. Wie diese Datei zu lesen ist, steht am Anfang von en.ftl.

## Zeiten und Zeitspannen

moment = { $day }. { $month ->
    [1] Januar
    [2] Februar
    [3] März
    [4] April
    [5] Mai
    [6] Juni
    [7] Juli
    [8] August
    [9] September
    [10] Oktober
    [11] November
   *[12] Dezember
} { $year }, { $hour }:{ $minute } Uhr UTC

browser-on = { $browser } unter { $system }

duration-minutes = { $count ->
    [one] { $count } Minute
   *[other] { $count } Minuten
}
duration-hours = { $count ->
    [one] { $count } Stunde
   *[other] { $count } Stunden
}
duration-days = { $count ->
    [one] { $count } Tag
   *[other] { $count } Tage
}

## Was an den Eingaben in ein Formular nicht stimmt

fault-invalid-email = Geben Sie eine E-Mail-Adresse ein, etwa name@example.com.
fault-too-long = Das ist zu lang.
fault-control-character = Darin steht ein Zeichen, das hier nicht möglich ist.
fault-stale = Diese Seite war zu lange offen, oder ihr Cookie ist weg. Es wurde noch nichts abgeschickt: Bitte prüfen Sie Ihre Eingaben und senden Sie sie noch einmal.
fault-no-password = Geben Sie Ihr Passwort ein.
fault-no-new-password = Geben Sie ein neues Passwort ein.
fault-credentials = Diese Adresse und dieses Passwort gehören nicht zusammen.
fault-wrong-password = Das ist nicht Ihr derzeitiges Passwort.
fault-same-address = Das ist bereits Ihre Adresse.
fault-wrong-registration-password = Das ist nicht das Passwort dieser Registrierung.
fault-rate-limited = Zu viele Anfragen. { $minutes ->
    [one] Warten Sie eine Minute, bevor Sie es wieder versuchen.
   *[other] Warten Sie { $minutes } Minuten, bevor Sie es wieder versuchen.
}
fault-unavailable = Das geht gerade nicht. Es ist nichts verloren: Senden Sie es in einer Minute noch einmal.
fault-internal = Hier ist etwas schiefgegangen; es lag nicht an Ihnen. Senden Sie es in einer Minute noch einmal.
fault-invalid-name = Ein Name hat höchstens 100 Zeichen, alle davon sichtbar.
password-mismatch = Die beiden Passwörter stimmen nicht überein.
password-too-short = { $min ->
    [one] Verwenden Sie mindestens { $min } Zeichen.
   *[other] Verwenden Sie mindestens { $min } Zeichen.
}
password-too-long = Verwenden Sie höchstens { $max } Zeichen.
password-too-common = Dieses Passwort gehört zu denen, die zuerst ausprobiert werden. Wählen Sie ein weniger geläufiges.
password-contains-address = Wählen Sie etwas anderes als Ihre E-Mail-Adresse.

## Seiten: was um jede herum steht

language-name = Deutsch
page-skip = Zum Inhalt springen
page-error = Fehler:
page-support = Hilfe
page-languages = Sprache

## Seiten: Formulare

form-problem = Bitte prüfen Sie dies
form-show = Zeigen
form-hide = Verbergen
form-show-what = Zeigen: { $field }
form-hide-what = Verbergen: { $field }
field-email = E-Mail-Adresse
field-name = Name
field-name-hint = Freiwillig. Wir sprechen Sie in E-Mails damit an.
field-password = Passwort
field-password-again = Passwort, noch einmal
field-current-password = Derzeitiges Passwort
field-new-email = Neue E-Mail-Adresse
field-new-password-hint = { $min ->
    [one] Mindestens { $min } Zeichen. Einige Wörter hintereinander sind gut.
   *[other] Mindestens { $min } Zeichen. Einige Wörter hintereinander sind gut.
}
strength-short = Zu kurz
strength-weak = Leicht zu erraten
strength-fair = Geht so
strength-good = Gut
strength-strong = Stark

## Seite: anmelden

login-title = Anmelden
login-submit = Anmelden
login-forgot = Passwort vergessen?
login-new-here = Neu hier?
login-register = Konto anlegen
login-draft-title = Ihre Sitzung ist zu Ende
login-draft-text = Ihre Eingaben sind noch da. Melden Sie sich an, dann können Sie sie noch einmal senden.
signed-in-title = Sie sind angemeldet
signed-in-text = Als { $account }.
signed-in-continue = Zu meinem Konto
unverified-title = Bestätigen Sie zuerst Ihre Adresse
unverified-text = Ihr Passwort stimmt. Aber die Adresse { $address } ist noch nicht bestätigt: Öffnen Sie den Link, den wir Ihnen bei der Registrierung geschickt haben.
unverified-resend = Neuen Link schicken

## Seite: Konto anlegen

register-title = Konto anlegen
register-intro = Wir schicken Ihnen einen Link, um sicherzugehen, dass die Adresse Ihnen gehört.
register-submit = Konto anlegen
register-known = Sie haben ein Konto?

## Seite: Der Link ist unterwegs

sent-title = Sehen Sie in Ihre E-Mails
sent-intro = Wenn die Adresse zu einem Konto gehört, ist ein Link unterwegs. Er gilt { $duration } lang, einmal.
sent-nothing = Nach einigen Minuten noch nichts da? Sehen Sie im Spam-Ordner nach, prüfen Sie die Adresse und { $again }.
sent-again = fragen Sie noch einmal
sent-look = Nach einigen Minuten noch nichts da? Sehen Sie im Spam-Ordner nach, und prüfen Sie die Adresse.
registered-text = Eine E-Mail an { $address } ist unterwegs. Öffnen Sie den Link darin, um die Adresse zu bestätigen; er gilt { $duration } lang.
resent-text = Wenn { $address } noch zu bestätigen ist, ist eine E-Mail unterwegs. Öffnen Sie den Link darin; er gilt { $duration } lang.
registered-otherwise = Wenn keine E-Mail kommt oder sich jemand anderes mit Ihrer Adresse registriert hat, { $reset }: Auch das beweist, dass die Adresse Ihnen gehört, und das Konto ist Ihres.
registered-reset = fordern Sie ein neues Passwort an
verification-resend = Noch einmal schicken

## Seite: Adresse bestätigen

verify-title = Bestätigen Sie Ihre Adresse
verify-intro = Für das Konto { $account }.
verify-change-intro = { $account } wird die Adresse Ihres Kontos.
verify-registration-hint = Das Sie bei der Registrierung gewählt haben.
verify-account-hint = Das Passwort Ihres Kontos.
verify-submit = Bestätigen
verified-title = Ihre Adresse ist bestätigt
verified-text = Sie können sich jetzt anmelden.
address-changed-title = Ihre Adresse wurde geändert
address-changed-text = Ab jetzt melden Sie sich mit der neuen an. Sie wurden überall abgemeldet.
resend-title = Bestätigen Sie Ihre Adresse
resend-intro = Öffnen Sie den Link in der E-Mail, die wir Ihnen geschickt haben. Ist keine da, oder gilt der Link nicht mehr, lassen Sie sich einen neuen schicken.

## Seite: Passwort vergessen

forgot-title = Passwort vergessen?
forgot-intro = Nennen Sie uns die Adresse Ihres Kontos, und wir schicken Ihnen einen Link, mit dem Sie ein neues wählen.
forgot-submit = Link schicken
forgot-sign-in = Zurück zur Anmeldung

## Seite: neues Passwort wählen

reset-title = Neues Passwort wählen
reset-intro = Für das Konto { $account }.
reset-new = Neues Passwort
reset-new-again = Neues Passwort, noch einmal
reset-submit = Passwort ändern
reset-consequence = Sie werden überall abgemeldet.

## Seite: Das Passwort wurde geändert

changed-title = Ihr Passwort wurde geändert
changed-intro = Sie wurden überall abgemeldet. Melden Sie sich mit dem neuen Passwort wieder an.
changed-continue = Weiter

## Seite: das Konto

account-title = Ihr Konto
account-profile = Profil
account-since = Konto seit
account-save-name = Namen speichern
account-change-address = E-Mail-Adresse ändern
account-address-intro = Wir schicken einen Link an die neue Adresse. Geändert wird sie, sobald Sie ihn dort öffnen und Ihr Passwort angeben; dabei werden Sie überall abgemeldet.
account-address-submit = Link schicken
account-password = Passwort
account-password-intro = Wenn Sie es ändern, werden Sie überall sonst abgemeldet.
account-sessions = Wo Sie angemeldet sind
account-sign-out = Abmelden
account-dashboard = Dashboard
account-delete = Konto löschen
account-delete-open = Ich möchte mein Konto löschen
account-delete-intro = Das kann nicht rückgängig gemacht werden: Das Konto, seine Sitzungen und seine Links sind sofort weg.
account-delete-submit = Mein Konto endgültig löschen
session-unknown = Unbekannter Browser
session-current = Diese hier
session-times = Seit { $since }. Zuletzt benutzt { $used }.
session-revoke = Abmelden
session-revoke-what = Abmelden: { $browser }, seit { $since }
session-revoke-others = Überall sonst abmelden

## Seiten: was gerade getan wurde

told-name = Ihr Name wurde geändert.
told-address = Ein Link ist an die neue Adresse unterwegs. Bis Sie ihn öffnen, bleibt Ihre Adresse, wie sie ist.
told-password = Ihr Passwort wurde geändert. Überall sonst sind Sie abgemeldet.
told-session = Diese Sitzung wurde abgemeldet.
told-sessions = Überall sonst sind Sie abgemeldet.
told-ended = Ihre Sitzung ist zu Ende. Bitte melden Sie sich wieder an.
told-draft = Ihre Eingaben sind noch nicht gespeichert. Prüfen Sie sie, und senden Sie sie noch einmal.
told-signed-out = Sie sind abgemeldet.
told-deleted = Ihr Konto wurde gelöscht.

## Seiten: ein Link, der nicht geht

link-missing-title = Öffnen Sie den Link in der E-Mail
link-missing-text = Diese Seite braucht einen Link aus einer unserer E-Mails. Sie wurde ohne einen geöffnet, oder es ist zu lange her: Nach 15 Minuten ohne Benutzung werden Links vergessen. Öffnen Sie ihn noch einmal aus der E-Mail.
link-invalid-title = Dieser Link ist nicht gültig
link-invalid-text = Vielleicht ist er unvollständig. Öffnen Sie ihn noch einmal aus der E-Mail, oder lassen Sie sich einen neuen schicken.
link-expired-title = Dieser Link ist abgelaufen
link-expired-text = Zu Ihrer Sicherheit gelten Links nur eine begrenzte Zeit.
link-used-title = Dieser Link wurde schon benutzt
link-used-reset = Jeder Link gilt einmal. Wenn Sie es waren, melden Sie sich mit Ihrem neuen Passwort an.
link-used-verify = Jeder Link gilt einmal. Wenn Sie es waren, ist die Adresse bestätigt, und Sie können sich anmelden.
link-superseded-title = Dieser Link gilt nicht mehr
link-superseded-text = Ihnen wurde ein neuerer Link geschickt, oder das Konto hat sich seitdem geändert. Nehmen Sie die neueste E-Mail, oder fragen Sie noch einmal.
link-revoked-title = Dieser Link wurde zurückgezogen
link-revoked-text = Er kann nicht mehr benutzt werden.
link-ask-reset = Neuen Link schicken lassen
link-ask-verify = Neuen Link schicken lassen

## Seiten: was sonst im Weg sein kann, und der nächste Schritt

no-operator-title = Hier arbeiten Betreiber
no-operator-text = Sie sind als { $email } angemeldet. Diesem Konto fehlt die Rolle „{ $role }“, die man für das Dashboard braucht.
no-operator-how = Ein Administrator kann sie dem Konto geben; sie gilt ab der nächsten Seite:
no-operator-new = Auf dem Server selbst wird ein eigenes Konto für Betreiber so angelegt:
no-operator-sign-out = Abmelden und ein anderes Konto nehmen
notice-forbidden-title = Das kam nicht von unserer Seite
notice-forbidden-text = Öffnen Sie die Seite noch einmal, und senden Sie das Formular von dort.
notice-unauthorized-title = Bitte melden Sie sich an
notice-unauthorized-text = Diese Seite ist für Menschen, die angemeldet sind.
notice-not-found-title = Hier ist nichts
notice-not-found-text = Vielleicht ist die Adresse vertippt, oder die Seite ist umgezogen.
notice-method-title = So lässt sich diese Seite nicht öffnen
notice-method-text = Gehen Sie zurück, und benutzen Sie die Knöpfe der Seite.
notice-rate-limited-title = Zu viele Anfragen
notice-rate-limited-text = Warten Sie eine Weile, und versuchen Sie es dann wieder.
notice-unavailable-title = Das geht gerade nicht
notice-unavailable-text = Es ist nichts verloren. Versuchen Sie es in einer Minute wieder.
notice-internal-title = Hier ist etwas schiefgegangen
notice-internal-text = Es lag nicht an Ihnen. Versuchen Sie es in einer Minute wieder.
notice-unreadable-title = Das können wir nicht lesen
notice-unreadable-text = Gehen Sie zurück, und senden Sie das Formular noch einmal.
notice-sign-in = Anmelden
notice-account = Zu meinem Konto
notice-forgot = Passwort vergessen?

## E-Mails: was mehrere gemeinsam haben

mail-hello = Guten Tag,
mail-hello-name = Guten Tag { $name },
mail-support = Fragen? Schreiben Sie an { $address }.
mail-link-works = Der Link funktioniert einmal und gilt { $duration }: bis { $expires }.
mail-copy = Wenn die Schaltfläche nicht funktioniert, kopieren Sie diesen Link in Ihren Browser:
mail-sign-in = Anmelden
mail-when = Wann
mail-browser = Browser

## E-Mail: Passwort zurücksetzen

mail-reset-subject = Setzen Sie Ihr Passwort für { $brand } zurück
mail-reset-preview = Der Link für ein neues Passwort gilt { $duration }. Wenn Sie ihn nicht angefordert haben, brauchen Sie nichts zu tun.
mail-reset-title = Setzen Sie Ihr Passwort zurück
mail-reset-intro = Jemand, hoffentlich Sie, möchte das Passwort Ihres Kontos bei { $brand } zurücksetzen.
mail-reset-open = Um ein neues Passwort zu wählen, öffnen Sie diesen Link:
mail-reset-button = Neues Passwort wählen
mail-reset-ignore = Waren Sie es nicht? Dann brauchen Sie nichts zu tun: Ihr Passwort bleibt, wie es ist.
mail-reset-secret = Leiten Sie diese E-Mail nicht weiter: Wer den Link hat, kann das Passwort wählen.

## E-Mail: Adresse bestätigen

mail-verify-subject = Bestätigen Sie Ihre E-Mail-Adresse für { $brand }
mail-verify-preview = Nur noch ein Schritt: Bestätigen Sie, dass diese Adresse Ihnen gehört.
mail-verify-title = Bestätigen Sie Ihre E-Mail-Adresse
mail-verify-intro = Jemand, hoffentlich Sie, hat diese Adresse für ein Konto bei { $brand } angegeben. Bestätigen Sie, dass sie Ihnen gehört, dann kann das Konto sie verwenden.
mail-verify-open = Um die Adresse zu bestätigen, öffnen Sie diesen Link:
mail-verify-button = Adresse bestätigen
mail-verify-password = Möglicherweise werden Sie nach dem Passwort des Kontos gefragt, damit niemand sonst die Adresse für Sie bestätigt.
mail-verify-ignore = Waren Sie es nicht? Dann brauchen Sie nichts zu tun: Ohne Sie wird die Adresse nicht verwendet.
mail-verify-otherwise = Wenn sich jemand anderes mit Ihrer Adresse registriert hat und Sie das Konto haben möchten, oder wenn Sie sein Passwort nicht wissen, wählen Sie hier ein neues, was auch die Adresse bestätigt:

## E-Mail: Das Passwort wurde geändert

mail-changed-subject = Ihr Passwort für { $brand } wurde geändert
mail-changed-preview = Wenn Sie es nicht waren, wählen Sie gleich ein neues.
mail-changed-title = Ihr Passwort wurde geändert
mail-changed-intro = Das Passwort Ihres Kontos bei { $brand } wurde am { $changed } geändert. Andere Geräte wurden abgemeldet; dort wird jetzt das neue Passwort gebraucht.
mail-changed-fine = Wenn Sie es waren, brauchen Sie nichts zu tun.
mail-changed-not-you = Wenn Sie es nicht waren, wählen Sie gleich ein neues Passwort:
mail-changed-button = Passwort zurücksetzen

## E-Mail: Die Adresse wurde geändert (an die bisherige Adresse)

mail-address-subject = Die E-Mail-Adresse Ihres Kontos bei { $brand } wurde geändert
mail-address-preview = E-Mails zu Ihrem Konto gehen ab jetzt an eine andere Adresse.
mail-address-title = Ihre E-Mail-Adresse wurde geändert
mail-address-intro = Ihr Konto bei { $brand } hat am { $changed } die Adresse { $address } erhalten. E-Mails dazu gehen ab jetzt dorthin und nicht mehr hierher.
mail-address-not-you = Wenn Sie es nicht waren, hat vielleicht jemand anderes Ihr Konto übernommen: Wenden Sie sich gleich an die Leute hinter { $brand }.
mail-address-not-you-support = Wenn Sie es nicht waren, hat vielleicht jemand anderes Ihr Konto übernommen: Schreiben Sie gleich an { $support }.

## E-Mail: Jemand hat die Adresse eines Kontos noch einmal verwendet

mail-registered-subject = Sie haben bereits ein Konto bei { $brand }
mail-registered-preview = Melden Sie sich an, oder wählen Sie ein neues Passwort, wenn Sie Ihres nicht mehr wissen.
mail-registered-title = Sie haben bereits ein Konto
mail-registered-intro = Jemand, hoffentlich Sie, wollte diese Adresse für ein Konto bei { $brand } verwenden. Sie gehört schon zu Ihrem, deshalb wurde nichts geändert.
mail-registered-sign-in = Melden Sie sich mit dem Passwort an, das Sie haben:
mail-registered-forgot = Sie wissen das Passwort nicht mehr? Dann { $again }.
mail-registered-again = wählen Sie ein neues
mail-registered-reset = Wenn Sie es nicht mehr wissen, wählen Sie ein neues:
mail-registered-ignore = Waren Sie es nicht? Dann brauchen Sie nichts zu tun: Niemand ist in Ihr Konto gelangt.

## E-Mail: Willkommen

mail-welcome-subject = Willkommen bei { $brand }
mail-welcome-preview = Ihre Adresse ist bestätigt, und Ihr Konto ist bereit.
mail-welcome-title = Willkommen bei { $brand }
mail-welcome-intro = Vielen Dank: Ihre E-Mail-Adresse ist bestätigt, und Ihr Konto ist bereit.
mail-welcome-sign-in = Melden Sie sich hier an:
