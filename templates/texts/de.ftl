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

fault-invalid-email = Das ist keine E-Mail-Adresse.
fault-too-long = Das ist zu lang.
password-mismatch = Die beiden Passwörter stimmen nicht überein.
password-too-short = { $min ->
    [one] Verwenden Sie mindestens { $min } Zeichen.
   *[other] Verwenden Sie mindestens { $min } Zeichen.
}
password-too-long = Verwenden Sie höchstens { $max } Zeichen.
password-too-common = Dieses Passwort gehört zu denen, die zuerst ausprobiert werden. Wählen Sie ein weniger geläufiges.
password-contains-address = Wählen Sie etwas anderes als Ihre E-Mail-Adresse.

## Seite: Passwort vergessen

forgot-title = Passwort vergessen?
forgot-intro = Nennen Sie uns die Adresse Ihres Kontos, und wir schicken Ihnen einen Link, mit dem Sie ein neues wählen.
forgot-email = E-Mail-Adresse
forgot-submit = Link schicken

## Seite: Der Link ist unterwegs

sent-title = Sehen Sie in Ihr Postfach
sent-intro = Wenn die Adresse zu einem Konto gehört, ist ein Link unterwegs. Er gilt { $duration } und funktioniert einmal.
sent-nothing = Nach einigen Minuten noch nichts da? Sehen Sie im Spam-Ordner nach, prüfen Sie die Adresse und { $again }.
sent-again = fordern Sie noch einmal einen Link an

## Seite: Neues Passwort wählen

reset-title = Neues Passwort wählen
reset-intro = Für das Konto { $account }. Mindestens { $min } Zeichen; einige Wörter hintereinander sind gut geeignet.
reset-new = Neues Passwort
reset-new-again = Neues Passwort, noch einmal
reset-submit = Passwort ändern
reset-consequence = Sie werden überall abgemeldet.

## Seite: Das Passwort wurde geändert

changed-title = Ihr Passwort wurde geändert
changed-intro = Sie wurden überall abgemeldet. Melden Sie sich mit dem neuen Passwort wieder an.
changed-continue = Weiter

## Seite: Anmelden

login-title = Anmelden
login-intro = Gehen Sie zurück zu der Anwendung, von der Sie kommen, und melden Sie sich dort mit Ihrem Passwort an.
login-forgot = Passwort vergessen?

## Hinweise: was schiefging, und wie es weitergeht

notice-token-invalid-title = Dieser Link ist ungültig
notice-token-invalid-text = Vielleicht ist er unvollständig. Öffnen Sie ihn noch einmal aus der E-Mail, oder fordern Sie einen neuen an.
notice-token-expired-title = Dieser Link ist abgelaufen
notice-token-expired-text = Zu Ihrer Sicherheit gelten Links nur eine begrenzte Zeit.
notice-token-used-title = Dieser Link wurde schon benutzt
notice-token-used-text = Jeder Link funktioniert einmal. Wenn Sie es waren, melden Sie sich mit Ihrem neuen Passwort an.
notice-token-superseded-title = Dieser Link gilt nicht mehr
notice-token-superseded-text = Sie haben einen neueren Link erhalten, oder das Konto hat sich seither geändert. Verwenden Sie die neueste E-Mail, oder fordern Sie einen neuen Link an.
notice-token-revoked-title = Dieser Link wurde zurückgezogen
notice-token-revoked-text = Er kann nicht mehr benutzt werden.
notice-forbidden-title = Das kam nicht von unserer Seite
notice-forbidden-text = Öffnen Sie die Seite noch einmal und senden Sie das Formular von dort ab; Cookies müssen erlaubt sein.
notice-rate-limited-title = Zu viele Anfragen
notice-rate-limited-text = Warten Sie eine Weile, und versuchen Sie es dann noch einmal.
notice-unavailable-title = Das geht gerade nicht
notice-unavailable-text = Es ist nichts verloren. Versuchen Sie es in einer Minute noch einmal.
notice-internal-title = Hier ist etwas schiefgegangen
notice-internal-text = Es lag nicht an Ihnen. Versuchen Sie es in einer Minute noch einmal.
notice-unreadable-title = Das können wir nicht lesen
notice-unreadable-text = Gehen Sie zurück und senden Sie das Formular noch einmal ab.
notice-ask-again = Neuen Link anfordern
notice-sign-in = Anmelden

## E-Mails: wie alle beginnen

mail-hello = Guten Tag,
mail-hello-name = Guten Tag { $name },

## E-Mail: Passwort zurücksetzen

reset-mail-subject = Setzen Sie Ihr Passwort für { $brand } zurück
reset-mail-intro = Jemand, hoffentlich Sie, wollte am { $requested } das Passwort Ihres Kontos bei { $brand } zurücksetzen.
reset-mail-open = Um ein neues Passwort zu wählen, öffnen Sie diesen Link. Er gilt { $duration } (bis { $expires }) und funktioniert einmal.
reset-mail-button = Neues Passwort wählen
reset-mail-works = Der Link funktioniert einmal und gilt { $duration } (bis { $expires }). Wenn die Schaltfläche nicht funktioniert, kopieren Sie den Link:
reset-mail-ignore = Wenn Sie es nicht waren, brauchen Sie nichts zu tun: Ihr Passwort bleibt, wie es ist. Leiten Sie diese E-Mail nicht weiter; wer den Link hat, kann das Passwort wählen.

## E-Mail: Das Passwort wurde geändert

changed-mail-subject = Ihr Passwort für { $brand } wurde geändert
changed-mail-intro = Das Passwort Ihres Kontos bei { $brand } wurde am { $changed } geändert. Sie wurden überall abgemeldet; melden Sie sich mit dem neuen Passwort wieder an.
changed-mail-fine = Wenn Sie es waren, brauchen Sie nichts zu tun.
changed-mail-not-you = Wenn Sie es nicht waren, wählen Sie gleich ein neues Passwort:
changed-mail-button = Passwort zurücksetzen
