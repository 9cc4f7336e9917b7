'use strict';
const plots = JSON.parse(document.getElementById('data').textContent);
const ink = getComputedStyle(document.body).color;
for (const [name, plot] of Object.entries(plots)) {
  plot.layout.font.color = ink;
  Plotly.newPlot(name, plot.data, plot.layout, {responsive: true, displayModeBar: false});
}
