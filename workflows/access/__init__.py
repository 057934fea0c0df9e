"""Who may do what: the mode of the service, tokens, roles, rules, shares, quotas, throttles and the audit log.

`rules` says what each call asks for; `permissions` holds every call against it; `sight` is the one query of the
networks that somebody may see.
"""
