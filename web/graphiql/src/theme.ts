// Monaco's colours. GraphiQL brings two themes of its own; these are the same in IGNY8's colours.

import * as monaco from 'monaco-graphql/esm/monaco-editor.js';

export const editorTheme = { dark: 'igny8-dark', light: 'igny8-light' } as const;

const palettes = {
  [editorTheme.dark]: {
    base: 'vs-dark',
    accent: '#ff8a4c',
    tint: '#ff8a4c1f',
    surface: '#1a2233',
    field: '#b7c2d711',
    row: '#ffffff',
    argument: '9db2ff',
    rules: [
      { token: 'key.identifier.gql', foreground: '8fb3ff' },
      { token: 'string.key.json', foreground: '8fb3ff' },
      { token: 'string.value.json', foreground: 'f0a780' },
      { token: 'keyword.gql', foreground: 'ff9d66' },
      { token: 'type.identifier.gql', foreground: '5cc8b4' },
    ],
  },
  [editorTheme.light]: {
    base: 'vs',
    accent: '#c2410c',
    tint: '#c2410c17',
    surface: '#ffffff',
    field: '#3b4b6811',
    row: '#333333',
    argument: '4a5fc1',
    rules: [
      { token: 'key.identifier.gql', foreground: '1f4fb8' },
      { token: 'string.key.json', foreground: '1f4fb8' },
      { token: 'string.value.json', foreground: 'b03a06' },
      { token: 'keyword.gql', foreground: 'c2410c' },
      { token: 'type.identifier.gql', foreground: '0f766e' },
    ],
  },
} as const;

export function defineEditorThemes(): void {
  for (const [name, { base, accent, tint, surface, field, row, argument, rules }] of Object.entries(palettes)) {
    monaco.editor.defineTheme(name, {
      base,
      inherit: true,
      rules: [{ token: 'argument.identifier.gql', foreground: argument }, ...rules],
      colors: {
        'editor.background': '#ffffff00',
        'scrollbar.shadow': '#ffffff00',
        'textLink.foreground': accent,
        'textLink.activeForeground': accent,
        'editorLink.activeForeground': accent,
        'editorHoverWidget.background': surface,
        'editorSuggestWidget.background': surface,
        'editorSuggestWidget.selectedBackground': tint,
        'editorSuggestWidget.selectedForeground': accent,
        'editorWidget.background': surface,
        'editorWidget.resizeBorder': accent,
        'list.hoverBackground': tint,
        'list.highlightForeground': accent,
        'list.focusHighlightForeground': accent,
        'menu.background': surface,
        'menu.selectionBackground': tint,
        'menu.selectionForeground': accent,
        'quickInput.background': surface,
        'quickInputList.focusForeground': row,
        'quickInputList.focusBackground': tint,
        'input.background': field,
        'toolbar.hoverBackground': tint,
        'inputOption.hoverBackground': tint,
        'pickerGroup.foreground': accent,
        focusBorder: accent,
      },
    });
  }
}
