"""The page's style: one column, two themes, text of at least 4.5 : 1 contrast on its ground (WCAG 2.2, 1.4.3)."""

STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#566171;--line:#d9dee5;--back:#fff;--card:#f4f6f9;--mark:#0a5cad;
--blue:#1f6fd0;--shade:#1f6fd033;--red:#c62f2f;--green:#1d7a4b;--grid:#8a94a340;
--h1:#bcd3ee;--h2:#7fabdc;--h3:#f0a23c;--h4:#e0572b;--h5:#a3123a}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#a4afbd;--line:#323a46;--back:#14181e;--card:#1c222b;
--mark:#7ab8ff;--blue:#5b9df0;--shade:#5b9df040;--red:#ff7b6b;--green:#5ecb93;
--h1:#23405f;--h2:#346ba6;--h3:#d98a1f;--h4:#f0683a;--h5:#ff5d86}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back)}
body{max-width:70rem;margin:0 auto;padding:1rem}
h1{margin:0;font-size:1.7rem}h2{font-size:1.15rem;margin:2rem 0 .2rem}h3{font-size:1rem;margin:1rem 0 .2rem}
p{margin:.2rem 0}a{color:var(--mark)}.soft{color:var(--soft)}bdi{overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.6rem;margin:1rem 0}
.cards div{background:var(--card);border-radius:.5rem;padding:.5rem .7rem}
.cards dt{color:var(--soft);font-size:.85rem}.cards dd{margin:0;font-weight:600;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .5rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
thead th{color:var(--soft);font-weight:600;font-size:.85rem}td.when,td.act{white-space:nowrap}.act{font-weight:600}
td.why{min-width:11rem;width:99%}
figure{margin:0}.keys{display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.85rem;color:var(--soft)}
.keys i{display:inline-block;width:1.1rem;height:.7rem;margin-right:.4rem;border-radius:2px}
.plot{display:grid;grid-template-columns:3.6rem 1fr;grid-template-rows:11rem auto;font-size:.8rem;color:var(--soft)}
.ys{position:relative}.ys span{position:absolute;right:.4rem;transform:translateY(-50%)}
.area{position:relative;border-left:1px solid var(--line);border-bottom:1px solid var(--line)}
.area svg{display:block;width:100%;height:100%}.xs{display:flex;justify-content:space-between}.plot .xs{grid-column:2}
.flag{position:absolute;top:-.1rem;padding-left:.2rem;white-space:nowrap}
path{fill:none;vector-effect:non-scaling-stroke}.grid{stroke:var(--grid)}.mark{stroke:var(--soft);stroke-dasharray:2 3}
.line{stroke:var(--blue);stroke-width:2}.dot{stroke:var(--blue);stroke-width:5;stroke-linecap:round}
.line.limit{stroke:var(--red);stroke-dasharray:6 4}.dot.limit{stroke:none}
.line.guess{stroke:var(--green);stroke-dasharray:3 3}.dot.guess{stroke:var(--green)}
.band{fill:var(--shade)}.bar.good{fill:var(--blue)}.bar.bad{fill:var(--red)}
.tips rect{fill:transparent}.tips rect:hover{fill:var(--grid)}
i.good,i.line{background:var(--blue)}i.bad,i.limit{background:var(--red)}i.band{background:var(--shade)}
i.guess{background:var(--green)}i.mark{background:var(--soft)}i.h1{background:var(--h1)}i.h2{background:var(--h2)}i.h3{background:var(--h3)}
i.h4{background:var(--h4)}i.h5{background:var(--h5)}
.heat{font-size:.85rem}.heat th[scope=row]{font-weight:400;min-width:8rem;padding:.1rem .5rem .1rem 0}
.heat td{padding:.1rem 0 .1rem .5rem;text-align:right;vertical-align:middle}.heat .strip{width:99%;min-width:9rem}
.heat thead th{text-align:right}.heat thead th:first-child{text-align:left}.heat .strip .xs{font-weight:400}
.heat svg{display:block;width:100%;height:1.15rem;background:var(--card)}.heat path{vector-effect:none;stroke-width:1}
.h1{stroke:var(--h1)}.h2{stroke:var(--h2)}.heat .h3{stroke:var(--h3);stroke-width:2}
.heat .h4{stroke:var(--h4);stroke-width:2}.heat .h5{stroke:var(--h5);stroke-width:2}
@media(max-width:30rem){body{padding:.7rem;font-size:15px}
.heat .strip{min-width:6rem}.heat th[scope=row]{min-width:6rem}
.heat .strip .xs span:nth-child(2){display:none}
.plot{grid-template-columns:3rem 1fr}}
@media print{details{display:block}}
"""
