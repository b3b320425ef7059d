// What the table of categories is made of: Tabulator with these modules, as the global `tabulator`.

import {
  AccessorModule,
  DownloadModule,
  ExportModule,
  FilterModule,
  FormatModule,
  FrozenColumnsModule,
  InteractionModule,
  KeybindingsModule,
  ResizeColumnsModule,
  ResizeTableModule,
  ResponsiveLayoutModule,
  SortModule,
  Tabulator,
  TooltipModule,
} from "tabulator-tables";

Tabulator.registerModule([
  AccessorModule,
  DownloadModule,
  ExportModule,
  FilterModule,
  FormatModule,
  FrozenColumnsModule,
  InteractionModule,
  KeybindingsModule,
  ResizeColumnsModule,
  ResizeTableModule,
  ResponsiveLayoutModule,
  SortModule,
  TooltipModule,
]);

export { Tabulator };
