// A button and the panel that it opens below itself. The browser's popover gives light dismissal,
// Escape, focus order and the top layer.

import { useRef, type ReactNode, type ToggleEvent } from 'react';

interface PanelProps {
  id: string;
  className: string;
  /** Which edges of button and panel meet. */
  align: 'start' | 'end';
  button: ReactNode;
  buttonClass?: string;
  children: (close: () => void) => ReactNode;
}

export function Panel({ id, className, align, button, buttonClass = '', children }: PanelProps) {
  const opener = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);

  function place(event: ToggleEvent<HTMLDivElement>) {
    if (event.newState !== 'open' || !opener.current || !panel.current) return;
    const { left, right, bottom } = opener.current.getBoundingClientRect();
    const { style } = panel.current;
    style.top = `${bottom + 10}px`;
    if (align === 'start') style.left = `${left}px`;
    else style.right = `${document.documentElement.clientWidth - right}px`;
  }

  function focusFirst(event: ToggleEvent<HTMLDivElement>) {
    if (event.newState === 'open') panel.current?.querySelector<HTMLElement>('input, button')?.focus();
  }

  return (
    <>
      <button ref={opener} type="button" className={`bar-button ${buttonClass}`} popoverTarget={id}>
        {button}
      </button>
      <div
        ref={panel}
        id={id}
        popover="auto"
        className={`panel ${className}`}
        onBeforeToggle={place}
        onToggle={focusFirst}
      >
        {children(() => panel.current?.hidePopover())}
      </div>
    </>
  );
}
